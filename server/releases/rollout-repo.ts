/** SQL of rollouts: what gateways counted for them, the last one of a model, drills. */
import { and, desc, eq, getTableColumns, isNotNull, sql } from "drizzle-orm";
import { version } from "../../db/schema/models";
import { release } from "../../db/schema/releases";
import { drill, rollout, servingWindow, shadowMinute } from "../../db/schema/rollouts";
import type { Db, Transaction } from "../platform/db";
import type { Seen, Window } from "./alarms";
import type { Served } from "./bake";
import type { Lane, LaneKey, LaneRelease } from "./lane";
import { servingOf } from "./lane";
import type { Firing } from "./rollout-contract";

const LOOKED_AT = sql`interval '3 minutes'`;
const LAST_KNOWN = 6;

/** The version that a rollout is compared with: what serves beside it, or what it replaced. */
export function referenceOf(lane: Lane, watched: LaneRelease): LaneRelease | undefined {
  return watched.state === "serving"
    ? lane.releases.find((r) => r.id === watched.previousId)
    : servingOf(lane);
}

/** What alarms look at. */
export async function loadSeen(db: Db, lane: Lane, watched: LaneRelease, now: Date): Promise<Seen> {
  const reference = referenceOf(lane, watched);
  const [candidate, other, shadow] = await Promise.all([
    windowsOf(db, lane, watched.version.id, now, watched.createdAt),
    reference ? windowsOf(db, lane, reference.version.id, now, null) : [],
    loadShadow(db, lane, watched),
  ]);
  return { candidate, reference: other, shadow };
}

/** The last three minutes, and the last minute with requests where that is longer ago; since `from` if given. */
async function windowsOf(
  db: Db,
  lane: Lane,
  versionId: string,
  now: Date,
  from: Date | null,
): Promise<Window[]> {
  const { rows } = await db.execute<Omit<Window, "at"> & { at: string }>(sql`
    with counted as (
      select at, sum(requests)::int as requests, sum(errors)::int as errors, max(p99_us) as p99
      from ${servingWindow}
      where team_id = ${lane.teamId} and model_id = ${lane.modelId} and environment = ${lane.environment}
        and version_id = ${versionId} and requests > 0
        and at >= ${from ?? new Date(0)}::timestamptz - interval '10 seconds'
      group by at)
    select at, requests, errors, p99 as "p99Us" from counted
    where at > ${now}::timestamptz - ${LOOKED_AT}
      or at in (select at from counted where requests > 0 order by at desc limit ${LAST_KNOWN})
    order by at`);
  return rows.map((row) => ({ ...row, at: new Date(row.at) }));
}

export interface ShadowSums {
  compared: number;
  agreed: number;
  notCompared: number;
  dropped: number;
  p50Us: number;
  p99Us: number;
  referenceP50Us: number;
  referenceP99Us: number;
}

/** What came of the requests mirrored in this rollout; the quantiles are those of its last minute. */
export async function loadShadow(db: Db, lane: Lane, watched: LaneRelease): Promise<ShadowSums | null> {
  const of = shadowMinute;
  const last = <T extends "p50_us" | "p99_us" | "reference_p50_us" | "reference_p99_us">(name: T) =>
    sql<number>`coalesce((array_agg(${sql.raw(name)} order by minute desc) filter (where p50_us > 0))[1], 0)`;
  const [sums] = await db
    .select({
      n: sql<number>`count(*)::int`,
      compared: sql<number>`coalesce(sum(compared), 0)::int`,
      agreed: sql<number>`coalesce(sum(agreed), 0)::int`,
      notCompared: sql<number>`coalesce(sum(not_compared), 0)::int`,
      dropped: sql<number>`coalesce(sum(dropped), 0)::int`,
      p50Us: last("p50_us"),
      p99Us: last("p99_us"),
      referenceP50Us: last("reference_p50_us"),
      referenceP99Us: last("reference_p99_us"),
    })
    .from(of)
    .where(
      and(
        eq(of.teamId, lane.teamId),
        eq(of.modelId, lane.modelId),
        eq(of.environment, lane.environment),
        eq(of.versionId, watched.version.id),
        sql`minute >= date_trunc('minute', ${watched.createdAt}::timestamptz)`,
      ),
    );
  if (!sums || sums.n === 0) return null;
  const { n: _, ...shadow } = sums;
  return shadow;
}

export const setFired = (tx: Transaction, teamId: string, rolloutId: string, fired: Firing) =>
  tx
    .update(rollout)
    .set({ fired })
    .where(and(eq(rollout.id, rolloutId), eq(rollout.teamId, teamId)));

/** The last rollout of a lane, whatever became of it. */
export const lastRollout = async (db: Db, teamId: string, { modelId, environment }: LaneKey) =>
  (
    await db
      .select(getTableColumns(rollout))
      .from(rollout)
      .innerJoin(release, and(eq(release.id, rollout.releaseId), eq(release.environment, environment)))
      .where(and(eq(rollout.teamId, teamId), eq(rollout.modelId, modelId)))
      .orderBy(desc(rollout.createdAt))
      .limit(1)
  )[0];

export const lastDrill = async (db: Db, teamId: string, { modelId, environment }: LaneKey) =>
  (
    await db
      .select()
      .from(drill)
      .where(and(eq(drill.teamId, teamId), eq(drill.modelId, modelId), eq(drill.environment, environment)))
      .orderBy(desc(drill.createdAt))
      .limit(1)
  )[0] ?? null;

/** Windows that no alarm looks at any more. */
export const dropOldWindows = (tx: Transaction) =>
  tx.delete(servingWindow).where(sql`${servingWindow.at} < now() - interval '2 hours'`);

/** What serves a lane, with all the times that its version did, newest first; null where nothing serves. */
export async function servedHistory(
  db: Db,
  teamId: string,
  { modelId, environment }: LaneKey,
): Promise<Served | null> {
  const rows = await db
    .select({
      versionId: release.versionId,
      version: version.number,
      state: release.state,
      from: release.servingAt,
      to: release.replacedAt,
      hasFired: sql<boolean>`${rollout.fired} is not null`,
    })
    .from(release)
    .innerJoin(version, eq(version.id, release.versionId))
    .leftJoin(rollout, eq(rollout.releaseId, release.id))
    .where(
      and(
        eq(release.teamId, teamId),
        eq(release.modelId, modelId),
        eq(release.environment, environment),
        isNotNull(release.servingAt),
      ),
    )
    .orderBy(desc(release.revision));
  const serving = rows.find((row) => row.state === "serving");
  if (!serving) return null;
  const own = rows.filter((row) => row.versionId === serving.versionId);
  return {
    version: serving.version,
    spans: own.flatMap(({ from, to, hasFired }) => (from ? [{ from, to, hasFired }] : [])),
  };
}
