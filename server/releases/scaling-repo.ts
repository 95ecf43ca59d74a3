/** SQL of a lane's replicas: those there are, what was decided of them, their load, the given up. */
import { and, desc, eq, isNull, or, sql } from "drizzle-orm";
import { node } from "../../db/schema/cluster";
import { release, replica } from "../../db/schema/releases";
import { servingWindow } from "../../db/schema/rollouts";
import { crashLoop, scaling, wake } from "../../db/schema/scaling";
import type { Db, Transaction } from "../platform/db";
import type { CrashLoop, Lane, LaneKey, LaneReplica, Wake } from "./lane";
import { DEFAULT_SCALING, Scaling, STAGING_SCALING } from "./scaling-contract";

const CRASH_LOOPS = 50;
const WAKES = 20;

/** Desired replicas, and those that started or ended in the last hour. */
export async function replicasOf(
  db: Db,
  teamId: string,
  { modelId, environment }: LaneKey,
): Promise<LaneReplica[]> {
  const rows = await db
    .select({ replica, nodeState: node.state })
    .from(replica)
    .leftJoin(
      node,
      and(eq(node.clusterId, replica.clusterId), eq(node.nodeId, replica.nodeId), isNull(node.endedAt)),
    )
    .where(
      and(
        eq(replica.teamId, teamId),
        eq(replica.modelId, modelId),
        eq(replica.environment, environment),
        or(
          isNull(replica.undesiredAt),
          sql`greatest(${replica.createdAt}, ${replica.endedAt}) > now() - interval '1 hour'`,
        ),
      ),
    )
    .orderBy(replica.createdAt);
  return rows.map(({ replica: row, nodeState }) => ({
    ...row,
    isDesired: row.undesiredAt === null,
    isLeaving: row.leavingAt !== null,
    isOnDrainingNode: nodeState === "draining",
  }));
}

export async function currentScaling(
  db: Db,
  teamId: string,
  { modelId, environment }: LaneKey,
): Promise<Scaling> {
  const [row] = await db
    .select()
    .from(scaling)
    .where(
      and(eq(scaling.teamId, teamId), eq(scaling.modelId, modelId), eq(scaling.environment, environment)),
    )
    .orderBy(desc(scaling.revision))
    .limit(1);
  if (row) return Scaling.parse(row);
  return environment === "production" ? DEFAULT_SCALING : STAGING_SCALING;
}

/** Requests in flight by version and 10 s, over all gateways. */
export async function loadOf(
  db: Db,
  teamId: string,
  { modelId, environment }: LaneKey,
): Promise<Lane["load"]> {
  return await db
    .select({
      versionId: servingWindow.versionId,
      at: servingWindow.at,
      inFlight: sql<number>`sum(${servingWindow.inFlight})::float8`,
    })
    .from(servingWindow)
    .where(
      and(
        eq(servingWindow.teamId, teamId),
        eq(servingWindow.modelId, modelId),
        eq(servingWindow.environment, environment),
        sql`${servingWindow.at} > now() - interval '5 minutes'`,
      ),
    )
    .groupBy(servingWindow.versionId, servingWindow.at);
}

export const crashLoopsOf = (
  db: Db,
  teamId: string,
  { modelId, environment }: LaneKey,
): Promise<CrashLoop[]> =>
  db
    .select()
    .from(crashLoop)
    .where(
      and(
        eq(crashLoop.teamId, teamId),
        eq(crashLoop.modelId, modelId),
        eq(crashLoop.environment, environment),
      ),
    )
    .orderBy(desc(crashLoop.createdAt))
    .limit(CRASH_LOOPS);

/** The last wakes, the newest first. */
export const wakesOf = (db: Db, teamId: string, { modelId, environment }: LaneKey): Promise<Wake[]> =>
  db
    .select()
    .from(wake)
    .where(and(eq(wake.teamId, teamId), eq(wake.modelId, modelId), eq(wake.environment, environment)))
    .orderBy(desc(wake.askedAt))
    .limit(WAKES);

/** When a gateway last had a request of this lane, or one of its versions began to serve. */
export async function askedAt(
  db: Db,
  teamId: string,
  { modelId, environment }: LaneKey,
): Promise<Date | null> {
  const { rows } = await db.execute<{ at: string | null }>(sql`
    select greatest(
      (select max(${servingWindow.at}) + interval '10 seconds' from ${servingWindow}
        where ${servingWindow.teamId} = ${teamId} and ${servingWindow.modelId} = ${modelId}
          and ${servingWindow.environment} = ${environment}
          and (${servingWindow.requests} > 0 or ${servingWindow.inFlight} > 0)),
      (select max(${wake.askedAt}) from ${wake} where ${wake.teamId} = ${teamId} and ${wake.modelId} = ${modelId} and ${wake.environment} = ${environment}),
      (select max(${release.servingAt}) from ${release}
        where ${release.teamId} = ${teamId} and ${release.modelId} = ${modelId}
          and ${release.environment} = ${environment} and ${release.state} = 'serving')) as at`);
  const at = rows[0]?.at;
  return at ? new Date(at) : null;
}

/** Wakes older than what anybody looks at. */
export const dropOldWakes = (tx: Transaction) =>
  tx.delete(wake).where(sql`${wake.askedAt} < now() - interval '90 days'`);
