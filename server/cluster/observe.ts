/** Takes what an agent sees of its cluster: nodes' lives, capacity against demand, decisions with their reasons. */
import { isDeepStrictEqual } from "node:util";
import { ObservedCluster } from "../engine/contract";
import type { Transaction } from "../platform/db";
import { groupBy } from "../platform/group-by";
import { emit } from "../platform/live/outbox";
import { growByLoss, growByReturn } from "./flaps";
import { recordDemands, recordStates } from "./intervals";
import {
  downReason,
  type EndReason,
  matchScaleUp,
  newFailures,
  returnReason,
  upCause,
  upReason,
} from "./ledger";
import * as repo from "./repo";
import { type Sane, saneCluster } from "./sane";

type Rest = Omit<ObservedCluster, "nodes">;
const Rest = ObservedCluster.omit({ nodes: true });

/** One report, with what was known before it. */
interface Report {
  clusterId: string;
  seen: ObservedCluster;
  /** Null at the first. */
  before: Rest | null;
  known: ReadonlyMap<string, repo.NodeRow>;
  at: Date;
}

/** How long the autoscaler still counts a node as under way after it has joined. */
const SETTLE_MS = 5_000;

/** A complete snapshot: what is missing from it has left. Told again, it changes nothing. */
export async function observeCluster(
  tx: Transaction,
  clusterId: string,
  told: ObservedCluster,
  at: Date,
): Promise<Sane<ObservedCluster>> {
  const sane = saneCluster(told);
  const seen = sane.value;
  const before = Rest.safeParse(await repo.findRest(tx, clusterId));
  const known = new Map((await repo.listLiveNodes(tx, clusterId)).map((row) => [row.nodeId, row]));
  const report = { clusterId, seen, before: before.success ? before.data : null, known, at };
  const changed = seen.nodes.filter(({ nodeId, ...node }) => {
    const row = known.get(nodeId);
    return row && !isDeepStrictEqual(row.observed, { nodeId, ...node });
  });
  const joined = await recordJoins(tx, report);
  await repo.updateNodes(tx, clusterId, changed, at);
  const hasDecided = await recordUps(tx, report, joined);
  const hasFailed = await recordFailures(tx, report);
  const present = new Set(seen.nodes.map((node) => node.nodeId));
  const left = [...known.values()].filter((row) => !present.has(row.nodeId));
  for (const row of left) await recordDeparture(tx, report, row);
  const busy = seen.nodes.filter((node) => !node.isHead && node.cpusUsed + node.gpusUsed > 0);
  await repo.markUseful(
    tx,
    clusterId,
    busy.map(({ nodeId }) => nodeId),
    at,
  );
  await recordStates(tx, clusterId, seen.nodes, at);
  await recordDemands(tx, clusterId, seen.demands, at);
  await repo.recordCapacity(tx, clusterId, capacityOf(seen), at);
  const { nodes: _nodes, ...rest } = seen;
  const isSame = changed.length + joined.length + left.length === 0 && isDeepStrictEqual(report.before, rest);
  if (hasDecided || hasFailed || !isSame) await emit(tx, { teamId: null, topic: "cluster", key: clusterId });
  return sane;
}

/** Answers the nodes that are new. One that was taken for lost and answers again is the same node. */
async function recordJoins(tx: Transaction, { clusterId, seen, known, at }: Report) {
  const unknown = seen.nodes.filter((node) => !known.has(node.nodeId));
  const gone = await repo.findGone(
    tx,
    clusterId,
    unknown.map(({ nodeId }) => nodeId),
  );
  const back = new Map(gone.map((row) => [row.nodeId, row]));
  for (const node of unknown) {
    const row = back.get(node.nodeId);
    if (!row) continue;
    await repo.reviveNode(tx, row, node, at);
    if (await growByReturn(tx, { clusterId, node: row, at })) continue;
    const seconds = Math.max(0, (at.getTime() - (row.endedAt ?? at).getTime()) / 1000);
    await repo.insertDecision(tx, {
      ...{ clusterId, at, direction: "up", pool: row.pool, requested: 1, achieved: 1, achievedAt: at },
      cause: "returned",
      reason: returnReason(row.name, seconds),
      demand: { demands: seen.demands, waiting: [] },
      nodeIds: [row.nodeId],
    });
  }
  const fresh = unknown.filter((node) => !back.has(node.nodeId));
  await repo.insertNodes(tx, clusterId, fresh, at);
  return unknown.map(({ nodeId, pool, isHead }) => ({
    nodeId,
    pool,
    isWanted: !isHead && !back.has(nodeId),
  }));
}

/** Answers whether a decision was made or came true. */
async function recordUps(
  tx: Transaction,
  report: Report,
  joined: readonly { nodeId: string; pool: string; isWanted: boolean }[],
): Promise<boolean> {
  const { clusterId, seen, before, known, at } = report;
  const settling = [...known.values()].filter((row) => at.getTime() - row.startedAt.getTime() < SETTLE_MS);
  const wanted = joined.filter(({ isWanted }) => isWanted);
  const all = groupBy(await repo.openDecisions(tx, clusterId, at), ({ pool }) => pool);
  const launched = new Set(before?.pending.map((p) => p.pool));
  let hasDecided = false;
  for (const pool of new Set([
    ...wanted.map((n) => n.pool),
    ...seen.pending.map((p) => p.pool),
    ...all.keys(),
  ])) {
    const nodes = wanted.filter((n) => n.pool === pool).map((n) => n.nodeId);
    const launching = seen.pending.filter((p) => p.pool === pool).reduce((sum, p) => sum + p.count, 0);
    const pending = launching - nodes.length - settling.filter((n) => n.pool === pool).length;
    const wasLaunching = before === null || launched.has(pool);
    const { fulfil, withdraw, decide } = matchScaleUp(all.get(pool) ?? [], nodes, pending, wasLaunching);
    for (const { id, by } of fulfil) await repo.fulfil(tx, id, by, at);
    for (const id of withdraw) await repo.withdraw(tx, id, at);
    hasDecided ||= fulfil.length + withdraw.length > 0 || decide !== null;
    if (!decide) continue;
    await decideUp(tx, report, pool, decide);
  }
  return hasDecided;
}

/** The decision with who asks for what. */
async function decideUp(
  tx: Transaction,
  { clusterId, seen, at }: Report,
  pool: string,
  { requested, achieved }: { requested: number; achieved: string[] },
): Promise<number> {
  const waiting = (await repo.listOccupants(tx, clusterId, null)).filter((o) => o.nodeId === null);
  const { cpusWanted, gpusWanted, cpusUsed, gpusUsed } = capacityOf(seen);
  const missing = { cpus: cpusWanted - cpusUsed, gpus: gpusWanted - gpusUsed };
  return repo.insertDecision(tx, {
    ...{ clusterId, at, direction: "up", pool, requested, achieved: achieved.length },
    achievedAt: achieved.length > 0 ? at : null,
    cause: upCause(waiting, missing),
    reason: upReason(waiting, missing),
    demand: {
      demands: seen.demands,
      waiting: waiting.map(({ kind, id, cpus, gpus }) => ({ kind, id, cpus, gpus })),
    },
    nodeIds: achieved,
  });
}

/** Launches that failed since the last report belong to the decision that asked for them. */
async function recordFailures(tx: Transaction, report: Report): Promise<boolean> {
  const { clusterId, seen, before, at } = report;
  const failures = newFailures(before?.failed ?? [], seen.failed);
  const all = failures.length > 0 ? await repo.openDecisions(tx, clusterId, at) : [];
  for (const { pool, count, message, retryInMs } of failures) {
    const open = all.findLast((decision) => decision.pool === pool);
    const id = open?.id ?? (await decideUp(tx, report, pool, { requested: count, achieved: [] }));
    const retryAt = retryInMs === null ? null : new Date(at.getTime() + retryInMs);
    await repo.recordFailure(tx, id, { count, message, at, retryAt });
  }
  return failures.length > 0;
}

async function recordDeparture(tx: Transaction, { clusterId, seen, at }: Report, row: repo.NodeRow) {
  const told = seen.departed.find((d) => d.nodeId === row.nodeId);
  const pool = (await repo.listPools(tx, clusterId)).find((p) => p.name === row.pool);
  const reason = endReason(row, told?.reason, pool?.preemptible ?? false);
  const message = (reason === "drained" ? row.wishReason : null) ?? told?.message ?? "";
  await repo.endNode(tx, row, reason, at);
  // A head that is new means that the whole cluster was started anew: nothing was decided about its nodes.
  if (row.isHead) return;
  if (reason === "lost" && (await growByLoss(tx, { clusterId, node: row, at }))) return;
  const by = reason === "drained" ? await repo.wisherOf(tx, row) : null;
  await repo.insertDecision(tx, {
    ...{ clusterId, at, direction: "down", pool: row.pool, requested: 1, achieved: 1, achievedAt: at },
    cause: reason,
    reason: downReason(row.name, reason, pool?.idleSeconds ?? 0, { message, by }),
    cooldownSeconds: reason === "idle" ? Math.round(pool?.idleSeconds ?? 0) : null,
    demand: { demands: seen.demands, waiting: [] },
    nodeIds: [row.nodeId],
  });
}

/** One that was drained is idle at last, and an agent that was started anew has not seen it go. */
function endReason(
  { wish }: repo.NodeRow,
  told: ObservedCluster["departed"][number]["reason"] | undefined,
  isPreemptible: boolean,
): EndReason {
  if (told === "lost") return "lost";
  if (wish) return "drained";
  // Nobody here drained it.
  return told === "drained" && isPreemptible ? "preempted" : (told ?? "lost");
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
