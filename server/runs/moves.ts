/**
 * Trainings leave nodes that drain, whoever asked for it: an attempt is asked to go with a checkpoint, as when its run
 * grows, and the next one has as many workers. The node takes no new work by then, so they find places elsewhere.
 */
import { and, eq, isNull, sql } from "drizzle-orm";
import { attempt, run } from "../../db/schema/runs";
import { record } from "../audit/service";
import { desireChanged } from "../engine/service";
import { transact } from "../platform/context";
import type { Database, Db, Transaction } from "../platform/db";
import { newId } from "../platform/ids";
import { emitRun } from "./lifecycle";
import * as repo from "./repo";
import { isLeaving } from "./states";

/** Asks those that run on a node that drains. `fence` is the caller's lease. */
export async function moveFromDraining(
  db: Database,
  fence: (tx: Transaction) => Promise<void>,
): Promise<void> {
  for (const { runId, node } of await onDraining(db)) {
    await transact({ db }, async (tx) => {
      await fence(tx);
      const current = await repo.lockRun(tx, runId);
      const newest = await repo.newestAttempt(tx, runId);
      if (!current || isLeaving(current) || newest?.state !== "running") return;
      await repo.patchRun(tx, runId, { growTo: newest.workerCount, growRequestedAt: sql`now()` });
      await emitRun(tx, current);
      const ctx = {
        teamId: current.teamId,
        actor: { kind: "system" as const, id: "controller" },
        requestId: newId("req"),
      };
      await record(tx, ctx, {
        action: "run.move_requested",
        target: { kind: "run", id: runId },
        summary: `Asked run ${current.number} (${current.title}) to leave ${node} and go on elsewhere`,
      });
      await desireChanged(tx, current.clusterId);
    });
  }
}

/**
 * Trainings with a worker on a node that drains, once the cluster gives it no new work: because an operator wants it, or
 * because whoever lends it takes it away. What a cordon keeps stays.
 */
async function onDraining(db: Db) {
  return db
    .select({ runId: run.id, node: sql<string>`min(n.name)` })
    .from(attempt)
    .innerJoin(run, eq(run.id, attempt.runId))
    .innerJoin(
      sql`node n`,
      sql`n.cluster_id = ${run.clusterId} and n.wish is distinct from 'cordon' and n.state = 'draining' and exists (
        select from jsonb_to_recordset(${attempt.workers}) as w ("nodeId" text) where w."nodeId" = n.node_id)`,
    )
    .where(
      and(
        eq(run.kind, "train"),
        eq(attempt.state, "running"),
        isNull(run.stopRequestedAt),
        isNull(run.pauseRequestedAt),
        isNull(run.growRequestedAt),
      ),
    )
    .groupBy(run.id);
}
