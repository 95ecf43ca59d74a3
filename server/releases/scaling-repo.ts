/** SQL of a lane's replicas: those there are, what was decided of them, their load, the given up. */
import { and, desc, eq, isNull, or, sql } from "drizzle-orm";
import { node } from "../../db/schema/cluster";
import { replica } from "../../db/schema/releases";
import { servingWindow } from "../../db/schema/rollouts";
import { crashLoop, scaling } from "../../db/schema/scaling";
import type { Db } from "../platform/db";
import type { CrashLoop, Lane, LaneReplica } from "./lane";
import { DEFAULT_SCALING, Scaling } from "./scaling-contract";

const CRASH_LOOPS = 50;

/** Desired replicas, and those that started or ended in the last hour. */
export async function replicasOf(db: Db, teamId: string, modelId: string): Promise<LaneReplica[]> {
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

export async function currentScaling(db: Db, teamId: string, modelId: string): Promise<Scaling> {
  const [row] = await db
    .select()
    .from(scaling)
    .where(and(eq(scaling.teamId, teamId), eq(scaling.modelId, modelId)))
    .orderBy(desc(scaling.revision))
    .limit(1);
  return row ? Scaling.parse(row) : DEFAULT_SCALING;
}

/** Requests in flight by version and 10 s, over all gateways. */
export async function loadOf(db: Db, teamId: string, modelId: string): Promise<Lane["load"]> {
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
        sql`${servingWindow.at} > now() - interval '5 minutes'`,
      ),
    )
    .groupBy(servingWindow.versionId, servingWindow.at);
}

export const crashLoopsOf = (db: Db, teamId: string, modelId: string): Promise<CrashLoop[]> =>
  db
    .select()
    .from(crashLoop)
    .where(and(eq(crashLoop.teamId, teamId), eq(crashLoop.modelId, modelId)))
    .orderBy(desc(crashLoop.createdAt))
    .limit(CRASH_LOOPS);
