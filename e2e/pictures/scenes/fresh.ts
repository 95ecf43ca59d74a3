/** A team on its first day: nothing was made, and no agent has spoken. */
import { type Chapter, dialog, failing, loading, type Scene } from "../scene";

const scenes: readonly Scene[] = [
  {
    name: "overview/empty",
    at: "overview",
    shows: (page) => page.getByText("Nothing serves production yet"),
  },
  loading({ name: "overview/loading", at: "overview" }, "overview.page"),
  failing({ name: "overview/failing", at: "overview" }, "overview.page"),
  {
    name: "wall/empty",
    at: "/wall?team=empty",
    shows: (page) => page.getByText("Nothing serves yet"),
    isOver: true,
  },
  {
    name: "wall/loading",
    at: "/wall?team=empty",
    answers: { hold: ["overview.wall"] },
    shows: (page) => page.locator(".wall-empty"),
    isOver: true,
  },
  {
    name: "wall/failing",
    at: "/wall?team=empty",
    answers: { fail: ["overview.wall"] },
    shows: (page) => page.getByText("Something went wrong on the server"),
    isOver: true,
  },
  { name: "cluster/no-agent", at: "cluster", shows: (page) => page.getByText("no agent has spoken yet") },
  loading({ name: "cluster/loading", at: "cluster" }, "cluster"),
  failing({ name: "cluster/failing", at: "cluster" }, "cluster.overview"),
  { name: "cost/empty", at: "cluster/cost", shows: (page) => page.getByText(/^Nothing was spent in/) },
  {
    name: "cost/budget-first",
    at: "cluster/cost?edit=budget",
    shows: dialog("At most, a month"),
    isOver: true,
  },
  loading({ name: "cost/loading", at: "cluster/cost" }, "cost"),
  failing({ name: "cost/failing", at: "cluster/cost" }, "cost"),
  { name: "replay/empty", at: "cluster/replay", shows: (page) => page.getByText("No history yet") },
  { name: "alerts/empty", at: "alerts", shows: (page) => page.getByText("No alert yet") },
  loading({ name: "alerts/loading", at: "alerts" }, "alerts.list"),
  failing({ name: "alerts/failing", at: "alerts" }, "alerts.list"),
  { name: "rules/empty", at: "settings/alerts", shows: (page) => page.getByText("No rule yet") },
  loading({ name: "rules/loading", at: "settings/alerts" }, "alerts.rules"),
  failing({ name: "rules/failing", at: "settings/alerts" }, "alerts.rules"),
  {
    name: "rules/new",
    at: "settings/alerts?rule=new",
    shows: dialog("Once its figures are there"),
    isOver: true,
  },
];

export const fresh: Chapter = {
  title: "The first day: nothing was made yet",
  team: ({ empty }) => empty,
  make: async () => {},
  scenes,
};
