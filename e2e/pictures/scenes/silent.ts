/** Nobody tells of the cluster: Ray is silent, the agent is away, the browser has no connection. */
import { until } from "../../fixtures/api";
import type { Chapter, Scene } from "../scene";
import type { World } from "../world";

const STALE = /as it was last seen/;

async function untilHealth({ api, team }: World, is: { agent?: string; ray?: string }): Promise<void> {
  await until("the console noticed", async () => {
    const { health } = await api.cluster.overview.query({ team });
    return health.agent === (is.agent ?? "heard") && health.ray === (is.ray ?? health.ray);
  });
}

const wallOffline: Scene = {
  name: "wall/no-link",
  at: "/wall?team=vision",
  act: (page) => page.context().setOffline(true),
  shows: (page) => page.getByText(/No link for/),
  isOver: true,
};

export const silent: readonly Chapter[] = [
  {
    title: "Ray does not answer the agent",
    team: ({ team }) => team,
    make: async (world) => {
      const { cluster } = world.agent;
      cluster.silence = { ms: 42_000, message: "GCS at 10.2.0.4:6379 does not answer: connection refused" };
      await untilHealth(world, { ray: "silent" });
    },
    scenes: [
      { name: "cluster/ray-silent", at: "cluster", shows: (page) => page.getByText(STALE) },
      { name: "cluster/ray-silent-table", at: "cluster?nodes=table", shows: (page) => page.getByText(STALE) },
    ],
  },
  {
    title: "The agent is away",
    team: ({ team }) => team,
    make: async (world) => {
      world.agent.still(true);
      await untilHealth(world, { agent: "away" });
    },
    scenes: [
      { name: "cluster/agent-away", at: "cluster", shows: (page) => page.getByText(STALE) },
      {
        name: "overview/agent-away",
        at: "overview",
        shows: (page) => page.getByText("The cluster does not answer").first(),
      },
      {
        name: "wall/agent-away",
        at: "/wall?team=vision",
        shows: (page) => page.locator(".wall-first.bad"),
        isOver: true,
      },
    ],
  },
  {
    title: "The browser has no connection",
    team: ({ team }) => team,
    make: async (world) => {
      world.agent.cluster.silence = { ms: 0, message: "" };
      world.agent.still(false);
      await untilHealth(world, { ray: "answers" });
    },
    scenes: [wallOffline],
  },
];
