/**
 * Elastic runs get fewer workers and more without a person. Fewer: a driver that looks for places after a loss says
 * which nodes it sees, and its attempt gives up what has no room. More: the controller asks the attempt to leave with a
 * checkpoint, and the next one begins with more. Only the controller, which also admits, gives room; drivers only give
 * it up: so nobody ever takes what others were admitted to.
 */
import { and, asc, eq, isNull, sql } from "drizzle-orm";
import { attempt, checkpoint, run } from "../../db/schema/runs";
import { record } from "../audit/service";
import { clusterIds, desireChanged } from "../engine/service";
import { transact } from "../platform/context";
import type { Database, Db, Transaction } from "../platform/db";
import { newId } from "../platform/ids";
import { type Elastic, type Growth, grow } from "./growth";
import { emitRun } from "./lifecycle";
import { roomOf, waitingRuns } from "./queue";
import { type Attempt, type Run, toRun } from "./records";
import * as repo from "./repo";
import { freeBeside, placesFor } from "./room";
import { isLeaving } from "./states";

/**
 * How many workers an attempt that looks for places has from now on: those that nodes hold that its driver sees alive,
 * beside what others were admitted to; at least its run's minimum and at most what it had.
 *
 * @param run locked
 */
export async function fitToRoom(
  tx: Transaction,
  run: Run,
  attempt: Attempt,
  alive: readonly string[],
): Promise<number> {
  const { workerCount } = attempt;
  const { minWorkers } = run.resources;
  if (attempt.state !== "placing" || workerCount <= minWorkers) return workerCount;
  const { up, taken } = await roomOf(tx, run.clusterId, { runId: run.id });
  const nodes = up.filter(({ nodeId }) => alive.includes(nodeId));
  const places = placesFor(freeBeside(nodes, taken), run.resources);
  const fits = Math.min(workerCount, Math.max(minWorkers, places));
  if (fits === workerCount) return workerCount;
  await repo.patchAttempt(tx, attempt.id, { workerCount: fits });
  await emitRun(tx, run);
  await desireChanged(tx, run.clusterId);
  return fits;
}

/** Lets elastic trainings grow into room that nobody waits for. `fence` is the caller's lease. */
export async function growRunning(db: Database, fence: (tx: Transaction) => Promise<void>): Promise<void> {
  for (const clusterId of await clusterIds(db)) {
    const running = await elasticRuns(db, clusterId);
    if (running.length === 0) continue;
    const waiting = await waitingRuns(db, clusterId);
    for (const growth of grow(running, await roomOf(db, clusterId), waiting)) {
      const had = running.find(({ runId }) => runId === growth.runId)?.workers;
      await transact({ db }, async (tx) => {
        await fence(tx);
        const current = await repo.lockRun(tx, growth.runId);
        const newest = await repo.newestAttempt(tx, growth.runId);
        if (!current || isLeaving(current) || newest?.state !== "running" || newest.workerCount !== had)
          return;
        await apply(tx, current, newest, growth);
        await desireChanged(tx, clusterId);
      });
    }
  }
}

async function apply(tx: Transaction, of: Run, { workerCount }: Attempt, growth: Growth): Promise<void> {
  if (growth.act === "forget") return repo.patchRun(tx, of.id, repo.NO_GROWTH);
  if (growth.act === "hold")
    return repo.patchRun(tx, of.id, { growTo: growth.workers, growSince: sql`now()` });
  await repo.patchRun(tx, of.id, { growTo: growth.workers, growRequestedAt: sql`now()` });
  await emitRun(tx, of);
  const ctx = {
    teamId: of.teamId,
    actor: { kind: "system" as const, id: "controller" },
    requestId: newId("req"),
  };
  await record(tx, ctx, {
    action: "run.grow_requested",
    target: { kind: "run", id: of.id },
    summary: `Asked run ${of.number} (${of.title}) to go on with ${growth.workers} workers`,
    before: { workers: workerCount },
    after: { workers: growth.workers },
  });
}

/** Trainings that run with fewer workers than they may have, the oldest first, by the database's clock. */
async function elasticRuns(db: Db, clusterId: string): Promise<Elastic[]> {
  const rows = await db
    .select({
      run,
      workers: attempt.workerCount,
      growSeconds: sql<number>`coalesce(extract(epoch from now() - ${run.growSince}), 0)::float8`,
      ranSeconds: sql<number>`extract(epoch from now() - ${attempt.startedAt})::float8`,
      hasCheckpoint: sql<boolean>`exists (select from ${checkpoint} where ${checkpoint.attemptId} = ${attempt.id})`,
    })
    .from(attempt)
    .innerJoin(run, eq(run.id, attempt.runId))
    .where(
      and(
        eq(run.clusterId, clusterId),
        eq(run.kind, "train"),
        eq(attempt.state, "running"),
        isNull(run.stopRequestedAt),
        isNull(run.pauseRequestedAt),
        isNull(run.growRequestedAt),
        sql`${attempt.workerCount} < (${run.resources} ->> 'workers')::int`,
      ),
    )
    .orderBy(asc(run.createdAt), asc(run.id));
  return rows.map(({ run: row, ...seen }) => {
    const { id: runId, resources, growTo } = toRun(row);
    return { runId, resources, growTo, ...seen };
  });
}
