/** Real nodes: how soon one that is asked for is of use, and what the agent takes of a core to look at them. */
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { until } from "../../e2e/fixtures/api";
import { pidOf } from "../../e2e/fixtures/processes";
import type { Bench } from "../project";
import { registerNodes } from "../registered";
import { type Figures, figure } from "../result";
import { liveRun, stopRun } from "../runs";

const LAUNCHES = 8;
/** As many as this machine can run; the others that make a hundred are only known to Ray's control store. */
const REAL = 12;
const ALL = 100;
const LOOKS = 5;
const LOOKED_SECONDS = 60;
/** What starts with a node, as its warm process, is over. */
const SETTLE_MS = 20_000;
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
  const alone = await agentShare(bench);
  await edit(bench, { min: REAL, max: REAL, idleSeconds: 5 });
  await nodesAre(bench, REAL);
  await sleep(SETTLE_MS);
  const real = await agentShare(bench);
  const remove = await registerNodes(bench.product, { count: ALL - REAL, pool: "registered" });
  const shares: number[] = [];
  try {
    await nodesAre(bench, ALL);
    await sleep(SETTLE_MS);
    for (let i = 0; i < LOOKS; i += 1) shares.push(await agentShare(bench));
  } finally {
    await remove();
  }
  await edit(bench, before);
  return {
    "cluster.demand_to_node": figure(useful, "s", {
      from: "the decision to the first work on its node, no node up before",
      joined: figure(there, "s"),
    }),
    "cluster.agent_cpu_100_nodes": figure(shares, "% of a core", {
      of: `${REAL} real nodes and ${ALL - REAL} of eight GPUs that the control store knows, over ${LOOKED_SECONDS} s each`,
      alone,
      real,
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
