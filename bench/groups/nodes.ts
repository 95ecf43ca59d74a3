/** Real nodes: how soon one that is asked for is of use, and what the agent takes of a core to look at them. */
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { until } from "../../e2e/fixtures/api";
import { pidOf } from "../../e2e/fixtures/processes";
import type { Bench } from "../project";
import { type Figures, figure } from "../result";
import { liveRun, stopRun } from "../runs";

const LAUNCHES = 8;
const CLUSTERS = [0, 4, 8, 12];
const LOOKED_SECONDS = 30;
/** Of the kernel's clock: USER_HZ. */
const TICKS = 100;
const POOL = "local-cpu";

export async function nodes(bench: Bench): Promise<Figures> {
  const before = await poolOf(bench);
  const useful: number[] = [];
  const there: number[] = [];
  await edit(bench, { min: 0, max: 4, idleSeconds: 5 });
  for (let i = 0; i < LAUNCHES; i += 1) {
    await nodesAre(bench, 0);
    const run = await liveRun(bench, { workers: 1, globalBatch: 256, epochs: 1 });
    await stopRun(bench, run.number);
    const decision = await until("the decision was of use", async () => {
      const { decisions } = await bench.api.cluster.ledger.query({ team: bench.team, limit: 5 });
      const up = decisions.find(({ direction }) => direction === "up");
      return up?.usefulSeconds && up.achievedSeconds ? up : null;
    });
    useful.push(decision.usefulSeconds ?? 0);
    there.push(decision.achievedSeconds ?? 0);
  }
  const shares: [number, number][] = [];
  for (const count of CLUSTERS) {
    await edit(bench, { min: count, max: 12, idleSeconds: 5 });
    await nodesAre(bench, count);
    await sleep(10_000); // What starts with a node, as its warm process, is over.
    shares.push([count, await agentShare(bench)]);
  }
  await edit(bench, before);
  const { perNode, base } = line(shares);
  return {
    "cluster.demand_to_node": figure(useful, "s", {
      from: "the decision to the first work on its node, no node up before",
      joined: figure(there, "s"),
    }),
    "cluster.agent_cpu_100_nodes": figure([base + 100 * perNode], "% of a core", {
      how: "a straight line through what was measured on real nodes",
      measured: Object.fromEntries(shares.map(([count, share]) => [`${count} nodes`, share])),
      perNode,
    }),
  };
}

async function poolOf({ api, team }: Bench) {
  const { pools } = await api.cluster.overview.query({ team });
  const pool = pools.find(({ name }) => name === POOL);
  if (!pool) throw new Error(`there is no pool ${POOL}`);
  return pool;
}

async function edit(bench: Bench, limits: { min: number; max: number; idleSeconds: number }): Promise<void> {
  const { min, max, idleSeconds } = limits;
  const { pricePerHour } = await poolOf(bench);
  await bench.api.cluster.editPool.mutate({
    ...{ team: bench.team, pool: POOL, min, max, idleSeconds, pricePerHour },
  });
}

const nodesAre = (bench: Bench, count: number): Promise<unknown> =>
  until(
    `${count} nodes`,
    async () => {
      const { nodes } = await bench.api.cluster.overview.query({ team: bench.team });
      return nodes.filter(({ isHead }) => !isHead).length === count;
    },
    300_000,
  );

/** Percent of a core that the agent took while it only looked. */
async function agentShare({ product }: Bench): Promise<number> {
  const pid = pidOf(product.home, "agent");
  if (pid === null) throw new Error("no agent runs");
  const [before, began] = [ticksOf(pid), performance.now()];
  await sleep(LOOKED_SECONDS * 1000);
  return (100 * (ticksOf(pid) - before)) / TICKS / ((performance.now() - began) / 1000);
}

/** User and system time of a process. */
function ticksOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return Number(fields[11]) + Number(fields[12]);
}

/** Least squares. */
function line(points: readonly (readonly [number, number])[]): { perNode: number; base: number } {
  const mean = (of: 0 | 1) => points.reduce((sum, point) => sum + point[of], 0) / points.length;
  const [x, y] = [mean(0), mean(1)];
  const above = points.reduce((sum, [at, share]) => sum + (at - x) * (share - y), 0);
  const below = points.reduce((sum, [at]) => sum + (at - x) ** 2, 0);
  return { perNode: above / below, base: y - (above / below) * x };
}
