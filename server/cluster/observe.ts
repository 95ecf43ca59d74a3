/** Takes what an agent sees of its cluster: nodes' lives, capacity against demand, decisions with their reasons. */
import { isDeepStrictEqual } from "node:util";
import { ObservedCluster } from "../engine/contract";
import type { Transaction } from "../platform/db";
import { emit } from "../platform/live/outbox";
import { downReason, matchScaleUp, upReason } from "./ledger";
import * as repo from "./repo";

type Pools = Awaited<ReturnType<typeof repo.listPools>>;

/** How long the autoscaler still counts a node as under way after it has joined. */
const SETTLE_MS = 5_000;

/** A complete snapshot: what is missing from it has left. */
export async function observeCluster(
  tx: Transaction,
  clusterId: string,
  seen: ObservedCluster,
): Promise<void> {
  const before = ObservedCluster.safeParse((await repo.findCluster(tx, clusterId))?.observed);
  const pools = await repo.listPools(tx, clusterId);
  const known = new Map((await repo.listLiveNodes(tx, clusterId)).map((row) => [row.nodeId, row]));
  const joined: { nodeId: string; pool: string }[] = [];
  for (const node of seen.nodes) {
    const row = known.get(node.nodeId);
    if (row) await repo.updateNode(tx, row, node);
    else {
      await repo.insertNode(tx, clusterId, node);
      if (!node.isHead) joined.push(node);
    }
  }
  const settling = [...known.values()].filter((row) => Date.now() - row.startedAt.getTime() < SETTLE_MS);
  const hasDecided = await recordUps(tx, clusterId, seen, joined, settling);
  const present = new Set(seen.nodes.map((node) => node.nodeId));
  for (const row of known.values()) {
    if (!present.has(row.nodeId)) await recordDeparture(tx, clusterId, row, seen, pools);
  }
  await repo.recordCapacity(tx, clusterId, capacityOf(seen));
  const isSame = before.success && isDeepStrictEqual(steady(before.data), steady(seen));
  if (hasDecided || !isSame) await emit(tx, { teamId: null, topic: "cluster", key: clusterId });
}

/** An observation without how busy each node is: that differs every second, and who shows it asks for it. */
const steady = ({ nodes, ...rest }: ObservedCluster) => ({
  ...rest,
  nodes: nodes.map(({ cpuPercent: _cpu, memoryUsedBytes: _memory, ...node }) => node),
});

/** Answers whether a decision was made or came true. */
async function recordUps(
  tx: Transaction,
  clusterId: string,
  seen: ObservedCluster,
  joined: readonly { nodeId: string; pool: string }[],
  settling: readonly { pool: string }[],
): Promise<boolean> {
  let hasDecided = false;
  const pools = new Set([...joined.map((n) => n.pool), ...seen.pending.map((p) => p.pool)]);
  for (const pool of pools) {
    const nodes = joined.filter((n) => n.pool === pool).map((n) => n.nodeId);
    const launching = seen.pending.filter((p) => p.pool === pool).reduce((sum, p) => sum + p.count, 0);
    const pending = launching - nodes.length - settling.filter((n) => n.pool === pool).length;
    const { fulfil, decide } = matchScaleUp(await repo.openDecisions(tx, clusterId, pool), nodes, pending);
    for (const { id, by } of fulfil) await repo.fulfil(tx, id, by);
    hasDecided ||= fulfil.length > 0 || decide !== null;
    if (!decide) continue;
    const waiting = (await repo.listOccupants(tx, clusterId, null)).filter((o) => o.nodeId === null);
    await repo.insertDecision(tx, {
      clusterId,
      direction: "up",
      pool,
      requested: decide.requested,
      achieved: decide.achieved.length,
      achievedAt: decide.achieved.length > 0 ? new Date() : null,
      reason: upReason(waiting, capacityOf(seen).cpusWanted),
      demand: {
        demands: seen.demands,
        waiting: waiting.map(({ kind, id, cpus, gpus }) => ({ kind, id, cpus, gpus })),
      },
      nodeIds: decide.achieved,
    });
  }
  return hasDecided;
}

async function recordDeparture(
  tx: Transaction,
  clusterId: string,
  row: repo.NodeRow,
  seen: ObservedCluster,
  pools: Pools,
): Promise<void> {
  const told = seen.departed.find((d) => d.nodeId === row.nodeId);
  const reason = told?.reason ?? "lost";
  await repo.endNode(tx, row, reason);
  // A head that is new means that the whole cluster was started anew: nothing was decided about its nodes.
  if (row.isHead) return;
  const idleSeconds = pools.find((p) => p.name === row.pool)?.idleSeconds ?? 0;
  await repo.insertDecision(tx, {
    clusterId,
    direction: "down",
    pool: row.pool,
    requested: 1,
    achieved: 1,
    achievedAt: new Date(),
    reason: downReason(row.name, reason, idleSeconds, told?.message ?? ""),
    demand: { demands: seen.demands, waiting: [] },
    nodeIds: [row.nodeId],
  });
}

/** Totals of the nodes that take work; what is wanted is what is in use and what waits. */
export function capacityOf(seen: ObservedCluster): repo.Capacity {
  const nodes = seen.nodes.filter((node) => !node.isHead);
  const sum = (of: (node: (typeof nodes)[number]) => number) =>
    nodes.reduce((total, node) => total + of(node), 0);
  const asked = (what: string) =>
    seen.demands.reduce((total, d) => total + (d.shape[what] ?? 0) * d.count, 0);
  const round = (value: number) => Math.round(value * 1000) / 1000;
  const cpusUsed = round(sum((n) => n.cpusUsed));
  const gpusUsed = round(sum((n) => n.gpusUsed));
  return {
    nodes: nodes.length,
    cpus: round(sum((n) => n.cpus)),
    cpusUsed,
    cpusWanted: round(cpusUsed + asked("CPU")),
    gpus: round(sum((n) => n.gpus)),
    gpusUsed,
    gpusWanted: round(gpusUsed + asked("GPU")),
  };
}
