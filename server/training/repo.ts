/** What earlier training runs say about a launch. */
import { and, desc, eq, isNotNull, sql } from "drizzle-orm";
import { attempt, run } from "../../db/schema/runs";
import type { Db } from "../platform/db";

/** Launch to first step (s) and seconds a step of the newest runs with as many workers and the same batch. */
export async function findRunsLike(db: Db, teamId: string, like: { workers: number; globalBatch: number }) {
  const rows = await db
    .select({
      launch: sql<number>`extract(epoch from ${attempt.startedAt} - ${run.createdAt})::float8`,
      seconds: sql<number | null>`(${run.result} ->> 'seconds')::float8`,
      steps: sql<number | null>`(${run.result} ->> 'steps')::float8`,
    })
    .from(run)
    .innerJoin(attempt, and(eq(attempt.runId, run.id), eq(attempt.number, 1)))
    .where(
      and(
        eq(run.teamId, teamId),
        eq(run.kind, "train"),
        isNotNull(attempt.startedAt),
        sql`(${run.resources} ->> 'workers')::int = ${like.workers}`,
        sql`(${run.spec} -> 'hyper' ->> 'globalBatch')::int = ${like.globalBatch}`,
      ),
    )
    .orderBy(desc(run.createdAt))
    .limit(10);
  return {
    launches: rows.map((r) => r.launch),
    stepSeconds: rows.flatMap((r) => (r.seconds && r.steps ? [r.seconds / r.steps] : [])),
  };
}
