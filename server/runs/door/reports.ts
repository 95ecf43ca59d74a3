/** What workers report at the door: each report is one transaction under the lock of its run. */
import { sql } from "drizzle-orm";
import type { z } from "zod";
import { desireChanged } from "../../engine/service";
import { removeReleased } from "../../platform/blobs";
import { transact } from "../../platform/context";
import type { Database, Transaction } from "../../platform/db";
import { Conflict, Invalid } from "../../platform/errors";
import { newId } from "../../platform/ids";
import { deriveToken } from "../../platform/tokens";
import type {
  AttemptSpec,
  Cause,
  CheckpointReport,
  NextAttempt,
  NextAttemptRequest,
  Progress,
  RoomAnswer,
  RoomRequest,
  RunResult,
  StateReport,
} from "../contract";
import { fitToRoom } from "../elastic";
import * as lifecycle from "../lifecycle";
import { type Attempt, type Run, takenBy } from "../records";
import * as repo from "../repo";
import { isLeaving, isLiveAttempt } from "../states";
import { type AttemptOwner, staleAttempt } from "./owner";

/** Runs `work` while nobody else decides about the run. @throws Conflict `stale_attempt` once another took its place */
const reporting = <T>(
  db: Database,
  owner: AttemptOwner,
  work: (tx: Transaction, run: Run, attempt: Attempt) => Promise<T>,
): Promise<T> =>
  transact({ db }, async (tx) => {
    const run = await repo.lockRun(tx, owner.runId);
    const attempt = await repo.newestAttempt(tx, owner.runId);
    if (!run || attempt?.id !== owner.id || !isLiveAttempt(attempt.state)) throw staleAttempt();
    return work(tx, run, attempt);
  });

/** Everything a driver needs to begin, or to go on where an earlier attempt left off. */
export async function attemptSpec(db: Database, owner: AttemptOwner): Promise<z.infer<typeof AttemptSpec>> {
  return reporting(db, owner, async (tx, run, attempt) => ({
    teamId: run.teamId,
    runId: run.id,
    attemptId: attempt.id,
    attempt: attempt.number,
    maxAttempts: run.maxAttempts + run.resumes,
    resources: takenBy(run, attempt),
    spec: run.spec,
    checkpoint: await repo.checkpointBefore(tx, run, attempt.number),
    microBatch: null,
  }));
}

/** A driver looks for places: how many workers its attempt has from now on. */
export const reportRoom = (
  db: Database,
  owner: AttemptOwner,
  { nodes }: z.infer<typeof RoomRequest>,
): Promise<z.infer<typeof RoomAnswer>> =>
  reporting(db, owner, async (tx, run, attempt) => ({ workers: await fitToRoom(tx, run, attempt, nodes) }));

export const reportState = (db: Database, owner: AttemptOwner, report: z.infer<typeof StateReport>) =>
  reporting(db, owner, async (tx, run, attempt) => {
    const moved = await lifecycle.advance(tx, run, attempt, report.state);
    await repo.patchAttempt(tx, attempt.id, { workers: report.workers });
    await lifecycle.emitRun(tx, moved.run);
  });

export const reportProgress = (db: Database, owner: AttemptOwner, progress: Progress) =>
  reporting(db, owner, async (tx, run) => {
    await repo.patchRun(tx, run.id, { progress });
    await lifecycle.emitRun(tx, { ...run, progress });
  });

/** Keeps it, and drops those that it makes superfluous. @throws Invalid when the blob was not stored before */
export async function reportCheckpoint(
  db: Database,
  owner: AttemptOwner,
  report: z.infer<typeof CheckpointReport>,
): Promise<void> {
  const released = await reporting(db, owner, async (tx, run, attempt) => {
    if (!(await repo.hasBlob(tx, owner.teamId, report.sha256))) {
      throw new Invalid(`Checkpoint ${report.sha256.slice(0, 12)}… is not among the team's blobs.`, {
        code: "blob_missing",
        remedy: "Store it with PUT /api/worker/blobs/… first.",
      });
    }
    await repo.insertCheckpoint(tx, {
      id: newId("chk"),
      teamId: run.teamId,
      runId: run.id,
      attemptId: attempt.id,
      ...report,
    });
    await lifecycle.emitRun(tx, run);
    return run.spec.kind === "train" ? repo.dropCheckpoints(tx, run, run.spec.hyper) : [];
  });
  await removeReleased(db, released);
}

const REFUSALS: Record<lifecycle.Refusal, string> = {
  stop_requested: "Someone asked the run to stop.",
  attempts_exhausted: "The run has used all its attempts.",
};

/**
 * Ends this attempt with its cause and answers the next one, in one transaction. Where none is allowed the run ends,
 * which is kept, and the refusal is thrown after it.
 *
 * @throws Conflict `attempts_exhausted` or `stop_requested`
 */
export async function nextAttempt(
  db: Database,
  owner: AttemptOwner,
  request: z.infer<typeof NextAttemptRequest>,
): Promise<z.infer<typeof NextAttempt>> {
  const outcome = await reporting(db, owner, async (tx, run, attempt) => {
    const { cause, lastStep } = request;
    const answer = await lifecycle.retry(tx, run, attempt, cause, { next: "job", lastStep });
    await desireChanged(tx, run.clusterId);
    if ("refused" in answer) return answer;
    const { next } = answer;
    return { next, checkpoint: await repo.checkpointBefore(tx, run, next.number) };
  });
  if ("refused" in outcome) throw new Conflict(REFUSALS[outcome.refused], { code: outcome.refused });
  const { next, checkpoint } = outcome;
  return { attemptId: next.id, attempt: next.number, token: deriveToken("attempt", next.id), checkpoint };
}

/** Keeps a result; the run succeeds when the agent has seen a clean exit too. A replay changes nothing. */
export const reportResult = (db: Database, owner: AttemptOwner, result: RunResult) =>
  reporting(db, owner, async (tx, run, attempt) => {
    if (result.kind !== run.kind) {
      throw new Invalid(`A ${run.kind} run can't have a result of ${result.kind}.`);
    }
    if (attempt.resultAt) return;
    const begun = await lifecycle.advance(tx, run, attempt, "running");
    await repo.patchRun(tx, run.id, { result });
    await repo.patchAttempt(tx, attempt.id, { resultAt: sql`now()` });
    if (attempt.observed?.state !== "succeeded") return;
    await lifecycle.succeed(tx, { ...begun.run, result }, begun.attempt);
    await desireChanged(tx, run.clusterId);
  });

/** A worker's own word for what went wrong; it outranks whatever its processes exit with. */
export const reportError = (db: Database, owner: AttemptOwner, cause: Cause) =>
  reporting(db, owner, async (tx, run, attempt) => {
    if (cause.kind === "stopped" || isLeaving(run)) await lifecycle.leave(tx, run, attempt);
    else await lifecycle.fail(tx, run, attempt, cause);
    await desireChanged(tx, run.clusterId);
  });
