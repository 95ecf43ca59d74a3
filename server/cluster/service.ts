/** What the cluster page shows. A cluster serves all teams; what belongs to others is shown without its name. */
import type { z } from "zod";
import { defaultClusterId } from "../engine/service";
import type { TeamContext } from "../platform/context";
import { databaseTime } from "../platform/db";
import type { CapacityQuery, LedgerQuery } from "./contract";
import { costOf, timesOf } from "./outcome";
import * as repo from "./repo";
import { healthOf } from "./state";
import { latestReadings } from "./usage/read";
import { waitingOf } from "./waits";

export { disksOfNodes, waitingAtLimit } from "./full";
export { decision, nodePage, usage } from "./history";
export { observeCluster } from "./observe";
export { changes, overview } from "./overview";
export { editPool, followSchedules } from "./pools";
export { replayPast } from "./replay/service";
export { desiredNodes, takeOut, takeOutPreview } from "./take-out";
export { clusterToday } from "./today";
export { takeReadings } from "./usage/ingest";
export { rollUpUsage } from "./usage/rollup";

/** What of a team waits for a place, each with why: for every screen that shows one of them. */
export const waiting = async ({ db, teamId }: Pick<TeamContext, "db" | "teamId">) =>
  (await waitingOf(db, [teamId])).map(({ kind, id, message, since, why }) => ({
    ...{ kind, id, message, since, why },
  }));

/**
 * What nodes use now, and whether that is so: columns by the serials of the nodes, small enough to be asked for each
 * second by everybody who looks. Null is not known.
 */
export async function readings(ctx: TeamContext) {
  const clusterId = await defaultClusterId(ctx.db);
  const [cluster, serials, latest, now] = await Promise.all([
    repo.findCluster(ctx.db, clusterId),
    repo.serialsOfLive(ctx.db, clusterId),
    latestReadings(ctx.db, clusterId),
    databaseTime(ctx.db),
  ]);
  const read = serials.flatMap(({ serial, nodeId }) => {
    const of = latest.of.get(nodeId);
    return of ? [{ serial, of }] : [];
  });
  return {
    lastSeenAt: cluster?.lastSeenAt ?? null,
    health: healthOf(cluster, now),
    at: latest.at,
    serial: read.map(({ serial }) => serial),
    /** Of one core. */
    cpuPercent: read.map(({ of }) => of.cpuPercent),
    memoryBytes: read.map(({ of }) => of.memoryUsedBytes),
    /** The mean of its GPUs. */
    gpuPercent: read.map(({ of }) => meanOf(of.gpuReadings.map(({ percent }) => percent))),
  };
}

function meanOf(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length > 0 ? Math.round(known.reduce((sum, value) => sum + value, 0) / known.length) : null;
}

/** Capacity and demand as steps: each holds until the next. */
export async function capacity(ctx: TeamContext, input: z.infer<typeof CapacityQuery>) {
  const clusterId = await defaultClusterId(ctx.db);
  const rows = await repo.readCapacity(ctx.db, clusterId, new Date(input.from), new Date(input.to));
  return thin(rows, input.width).map((row) => ({
    at: Math.max(row.at.getTime(), input.from),
    nodes: row.nodes,
    cpus: row.cpus,
    cpusUsed: row.cpusUsed,
    cpusWanted: row.cpusWanted,
    gpus: row.gpus,
    gpusWanted: row.gpusWanted,
  }));
}

/** Of changes that share a pixel, the one with the greatest demand: a short queue must stay visible. */
export function thin<T extends { at: Date; cpusWanted: number }>(rows: readonly T[], width: number): T[] {
  const first = rows[0];
  const last = rows.at(-1);
  if (!first || !last || rows.length <= width) return [...rows];
  const span = Math.max(1, last.at.getTime() - first.at.getTime());
  const kept = new Map<number, T>();
  for (const row of rows) {
    const pixel = Math.floor(((row.at.getTime() - first.at.getTime()) / span) * (width - 1));
    const before = kept.get(pixel);
    if (!before || row.cpusWanted >= before.cpusWanted) kept.set(pixel, row);
  }
  return [...kept.values()];
}

/** A decision may have brought a thousand nodes; its own page lists them. */
const NAMED = 3;

export async function ledger(ctx: TeamContext, input: z.infer<typeof LedgerQuery>) {
  const clusterId = await defaultClusterId(ctx.db);
  const rows = await repo.listDecisions(ctx.db, clusterId, { ...input, limit: input.limit + 1 });
  const page = rows.slice(0, input.limit);
  const ids = [...new Set(page.flatMap((row) => row.nodeIds))];
  const known = new Map((await repo.costsOfNodes(ctx.db, clusterId, ids)).map((one) => [one.nodeId, one]));
  return {
    decisions: page.map(({ demand: _demand, nodeIds, ...row }) => ({
      ...row,
      nodes: nodeIds.slice(0, NAMED).map((id) => known.get(id)?.name ?? id.slice(0, 8)),
      ...timesOf(row),
      cost: costOf(nodeIds.map((id) => known.get(id)?.cost ?? null)),
    })),
    nextCursor: rows.length > input.limit ? (page.at(-1)?.id ?? null) : null,
  };
}
