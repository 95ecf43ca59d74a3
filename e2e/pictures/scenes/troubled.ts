/** What an operator is called for: production that fails, runs that fail, alerts, and money that runs out. */
import { sql } from "drizzle-orm";
import { servingMinute } from "../../../db/schema/releases";
import { stageVersion } from "../../../server/releases/service";
import { until } from "../../fixtures/api";
import { makeTraffic } from "../past";
import { type Chapter, dialog, failing, loading, row, type Scene } from "../scene";
import { arrange, type World } from "../world";
import { MODEL, makeRun } from "./working";

const LONG =
  "Fine-tune garment-cls v3 on the returns of the autumn, with the labels that the second annotator corrected";

async function make(world: World): Promise<void> {
  const { api, db, members, team } = world;
  const { teamId } = members.ines;
  await db.delete(servingMinute);
  const versionId = members.versions[1]?.id ?? "";
  await makeTraffic(db, { teamId, modelId: members.modelId, versionId }, { factor: 8, failing: 0.004 });
  for (let i = 0; i < 3; i += 1) {
    const { id } = await makeRun(world, { title: LONG });
    const cause = {
      ...{
        kind: "error",
        rank: 1,
        exitCode: 1,
        evidence: "RuntimeError: CUDA error: an illegal memory access",
      },
      message:
        "Rank 1 ended with an error: RuntimeError: CUDA error: an illegal memory access was encountered",
    };
    await arrange(
      db,
      sql`update attempt set state = 'failed', ended_at = now(), cause = ${JSON.stringify(cause)} where run_id = ${id}`,
      sql`update run set state = 'failed', ended_at = now(), cause = ${JSON.stringify(cause)} where id = ${id}`,
    );
  }
  await stageVersion(members.ines, { versionId: members.versions[3]?.id ?? "" });
  await api.alerts.silence.mutate({
    ...{ team, matches: "failed", minutes: 480 },
    reason:
      "The store of the data moves tonight; runs that read it fail until it is back, which everybody knows.",
  });
  await until("the alerts fire", async () => {
    const { firing } = await api.alerts.list.query({ team });
    return firing.some(({ rule }) => rule === "slow") && firing.some(({ rule }) => rule === "failed");
  });
}

const incidentOf =
  (rule: string) =>
  async ({ api, team }: World) => {
    const { firing } = await api.alerts.list.query({ team });
    return `alerts?alert=${firing.find((one) => one.rule === rule)?.id}`;
  };

const scenes: readonly Scene[] = [
  { name: "overview/problem", at: "overview", shows: (page) => page.getByText(/p99 is .* usually/).first() },
  {
    name: "wall/problem",
    at: "/wall?team=vision",
    shows: (page) => page.locator(".wall-first.bad"),
    isOver: true,
  },
  { name: "alerts/firing", at: "alerts", shows: row(/p99 is/) },
  { name: "alerts/incident", at: incidentOf("slow"), shows: dialog("What changed around it"), isOver: true },
  { name: "alerts/incident-of-several", at: incidentOf("failed"), shows: dialog(/subjects/), isOver: true },
  loading(
    {
      name: "alerts/incident-loading",
      at: incidentOf("slow"),
      shows: (page) => page.getByRole("dialog").locator(".sk").first(),
      isOver: true,
    },
    "alerts.incident",
  ),
  failing({ name: "alerts/incident-failing", at: incidentOf("slow"), isOver: true }, "alerts.incident"),
  {
    name: "alerts/incident-unknown",
    at: "alerts?alert=alr_0000000000000000",
    shows: dialog(/alert/i),
    isOver: true,
  },
  {
    name: "alerts/take-refused",
    at: incidentOf("slow"),
    answers: {
      refuse: { "alerts.take": { message: "This alert is over.", remedy: "Look at those that fire." } },
    },
    act: (page) => page.getByRole("button", { name: "Take it" }).click(),
    shows: dialog("This alert is over."),
    isOver: true,
  },
  {
    name: "alerts/silence-wrong",
    at: incidentOf("slow"),
    act: (page) => page.getByRole("button", { name: "Silence", exact: true }).click(),
    shows: dialog("say why"),
    isOver: true,
  },
  {
    name: "alerts/taken",
    at: incidentOf("slow"),
    act: async (page) => {
      await page.getByLabel("Note").fill("Rolling back to v1; the new tokenizer allocates for each request.");
      await page.getByRole("button", { name: "Take it" }).click();
    },
    shows: dialog(/Rolling back to v1; the new/),
    isOver: true,
  },
  { name: "rules/firing", at: "settings/alerts", shows: row(/fires now/) },
  { name: "releases/problem", at: `releases/${MODEL}`, shows: (page) => page.getByText("Replicas").first() },
  {
    name: "releases/staging-on-its-way",
    at: `releases/${MODEL}?environment=staging`,
    shows: (page) => page.getByText(/it is being measured first|gates pass/),
  },
];

export const troubled: Chapter = {
  title: "Production is slow, runs fail",
  team: ({ team }) => team,
  make,
  scenes,
};

/** The same month against less and less. */
const budgetAt = (share: number, isHard: boolean, name: string, says: RegExp): Chapter => ({
  title: `The month is at ${share}% of its budget`,
  team: ({ team }) => team,
  make: async ({ api, team }) => {
    const { spent, budget } = await api.cost.page.query({ team, month: null });
    await api.cost.editBudget.mutate({
      ...{ team, thresholds: [50, 80, 100], isHard, basedOn: budget.revision },
      amount: Math.round((100 * spent) / share),
    });
  },
  scenes: [{ name, at: "cluster/cost", shows: (page) => page.getByText(says).first() }],
});

export const budgets: readonly Chapter[] = [
  {
    title: "A month that is paid for",
    team: ({ team }) => team,
    make: async () => {},
    scenes: [
      { name: "cost/within", at: "cluster/cost", shows: (page) => page.getByText("within the budget") },
      { name: "cost/by-kind", at: "cluster/cost?by=kind", shows: row(/Serving/) },
      { name: "cost/by-pool", at: "cluster/cost?by=pool", shows: row(/cpu-base/) },
      failing({ name: "cost/spending-failing", at: "cluster/cost" }, "cost.spending"),
      loading({ name: "cost/spending-loading", at: "cluster/cost" }, "cost.spending"),
      { name: "cost/budget", at: "cluster/cost?edit=budget", shows: dialog(/It is told at/), isOver: true },
      {
        name: "cost/budget-wrong",
        at: "cluster/cost?edit=budget",
        act: async (page) => {
          await page.getByLabel("At most, a month").fill("a lot");
          await page.getByLabel("Told at").fill("80, 50");
        },
        shows: dialog("in rising order, each once"),
        isOver: true,
      },
      {
        name: "cost/budget-refused",
        at: "cluster/cost?edit=budget",
        answers: {
          refuse: {
            "cost.editBudget": {
              message: "Mei Tanaka changed the budget meanwhile.",
              remedy: "Open it anew and look at what it is now.",
            },
          },
        },
        act: async (page) => {
          await page.getByLabel("At most, a month").fill("500");
          await page.getByRole("button", { name: "Set the budget" }).click();
        },
        shows: dialog(/changed the budget meanwhile/),
        isOver: true,
      },
    ],
  },
  budgetAt(85, false, "cost/at-80", /over 80% of the budget/),
  budgetAt(120, false, "cost/over", /over the budget/),
  budgetAt(120, true, "cost/capped", /spent: nothing new starts/),
  {
    title: "A pool without a price",
    team: ({ team }) => team,
    make: ({ db }) => arrange(db, sql`update pool set price_per_hour = null where name = 'gpu-l4'`),
    scenes: [
      { name: "cost/unpriced", at: "cluster/cost", shows: (page) => page.getByText(/have no price/) },
      {
        name: "overview/capped",
        at: "overview",
        shows: (page) => page.getByText(/The budget is spent/).first(),
      },
    ],
  },
];
