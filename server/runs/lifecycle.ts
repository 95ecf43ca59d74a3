/**
 * How attempts and runs go on and end. Every function here runs under the lock of its run (`lockRun`), so two of them
 * never decide about the same run at once.
 */
import { sql } from "drizzle-orm";
import type { Transaction } from "../platform/db";
import { AppError, sqlState } from "../platform/errors";
import { newId } from "../platform/ids";
import { emit } from "../platform/live/outbox";
import { log } from "../platform/log";
import type { Cause } from "./contract";
import { finisherOf, type Outcome } from "./finishers";
import type { Attempt, Run } from "./records";
import * as repo from "./repo";
import { isLaunched, isLeaving, stepsForward } from "./states";

const STOPPED: Cause = {
  kind: "stopped",
  message: "Stopped by request.",
  rank: null,
  exitCode: null,
  evidence: "",
};

/** The id of the job that carries an attempt, unless the attempt goes on in its predecessor's job. */
export const jobIdOf = (runId: string, attemptNumber: number): string => `${runId}-${attemptNumber}`;

/** Tells tabs of a run; the payload is what lists and headers show at once. */
export const emitRun = (tx: Transaction, run: Run): Promise<void> =>
  emit(tx, {
    teamId: run.teamId,
    topic: "runs",
    key: run.id,
    payload: { number: run.number, kind: run.kind, state: run.state, progress: run.progress },
  });

/** Brings an attempt to `to` through the states between; its run begins with it. Being there already is fine. */
export async function advance(
  tx: Transaction,
  run: Run,
  attempt: Attempt,
  to: "starting" | "running",
): Promise<{ run: Run; attempt: Attempt }> {
  let [r, a] = [run, attempt];
  for (const state of stepsForward(a.state, to)) {
    const begins = state === "running" ? { startedAt: sql`now()` } : {};
    a = await repo.moveAttempt(tx, a, state, begins);
  }
  if (r.state === "queued")
    r = await repo.moveRun(tx, r, "running", { startedAt: sql`coalesce(started_at, now())` });
  return { run: r, attempt: a };
}

/** A result is there and the exit was clean. */
export async function succeed(tx: Transaction, run: Run, attempt: Attempt): Promise<void> {
  const { result } = run;
  if (!result) throw new Error(`run ${run.id} can't succeed without a result`);
  const begun = await advance(tx, run, attempt, "running");
  try {
    // Undone as a whole when the result can't be kept; the run then fails with the reason.
    await tx.transaction(async (inner) => {
      await repo.moveAttempt(inner, begun.attempt, "succeeded", { endedAt: sql`now()` });
      await endRun(inner, begun.run, { state: "succeeded", result });
    });
  } catch (error) {
    if (isTransient(error)) throw error;
    log().error({ err: error, runId: run.id }, "the result of a run could not be kept");
    const why = error instanceof AppError ? error.message : "see the server's log.";
    await fail(tx, begun.run, begun.attempt, {
      kind: "worker_error",
      message: `The work was done, but its result could not be kept: ${why}`,
      rank: null,
      exitCode: null,
      evidence: error instanceof Error ? error.message : String(error),
    });
  }
}

/** Lost connections, deadlocks and the like: the caller's caller tries again. */
const isTransient = (error: unknown): boolean => /^(08|40|53|57)/.test(sqlState(error) ?? "");

/** The attempt ends badly, and the run with it. */
export async function fail(tx: Transaction, run: Run, attempt: Attempt, cause: Cause): Promise<void> {
  await endAttempt(tx, run, attempt, cause);
  await endRun(tx, run, { state: "failed", cause });
}

/**
 * One more attempt of a run, by a job of its own unless one is named. `isAdmitted`: false leaves it to the queue, which
 * decides how many workers it has.
 */
export const addAttempt = (
  tx: Transaction,
  run: Pick<Run, "id" | "teamId" | "resources">,
  next: { number: number; firstStep: number; isAdmitted: boolean; jobId?: string; workerCount?: number },
): Promise<Attempt> => {
  const { isAdmitted, ...row } = next;
  const jobId = jobIdOf(run.id, next.number);
  const workerCount = run.resources.workers;
  return repo.insertAttempt(
    tx,
    { id: newId("att"), teamId: run.teamId, runId: run.id, jobId, workerCount, ...row },
    isAdmitted,
  );
};

/** The attempt ends because it was asked to: its run is paused, goes on with more workers, or ends with it. */
export async function leave(tx: Transaction, run: Run, attempt: Attempt): Promise<void> {
  if (run.growTo && run.growRequestedAt && !run.pauseRequestedAt && !run.stopRequestedAt)
    return regroup(tx, run, attempt, run.growTo);
  if (run.pauseRequestedAt && !run.stopRequestedAt) {
    await endAttempt(tx, run, attempt, { ...STOPPED, message: "Paused by request." });
    // A result of an attempt that did not end cleanly is not the run's.
    await emitRun(tx, await repo.moveRun(tx, run, "paused", { result: null }));
    return;
  }
  const cause = { ...STOPPED, message: run.stopReason ?? STOPPED.message };
  await endAttempt(tx, run, attempt, cause);
  await endRun(tx, run, { state: "stopped", cause });
}

/**
 * The next attempt takes the room that was kept for it since its run was asked to grow, or to move, and counts against
 * nothing.
 */
async function regroup(tx: Transaction, run: Run, attempt: Attempt, workerCount: number): Promise<void> {
  const message =
    workerCount === attempt.workerCount
      ? "A node of its workers is taken out of service: it left to go on elsewhere."
      : `There was room for ${workerCount} workers: it left to go on with them.`;
  const firstStep = await endAttempt(tx, run, attempt, { ...STOPPED, message });
  await addAttempt(tx, run, { number: attempt.number + 1, firstStep, isAdmitted: true, workerCount });
  // A result of an attempt that did not end cleanly is not the run's.
  await repo.patchRun(tx, run.id, { resumes: run.resumes + 1, result: null });
  await emitRun(tx, run);
}

/** A paused run ends because someone asked for it. */
export const stopPaused = (tx: Transaction, run: Run): Promise<void> =>
  endRun(tx, run, { state: "stopped", cause: STOPPED });

/** A paused run goes back into the queue with a new attempt from its newest checkpoint, which counts against nothing. */
export async function resume(tx: Transaction, run: Run, last: Attempt): Promise<void> {
  const firstStep = (await repo.newestCheckpoint(tx, run))?.step ?? 0;
  await addAttempt(tx, run, { number: last.number + 1, firstStep, isAdmitted: !isLaunched(run) });
  await emitRun(
    tx,
    await repo.moveRun(tx, run, "queued", { pauseRequestedAt: null, resumes: run.resumes + 1 }),
  );
}

export type Refusal = "stop_requested" | "attempts_exhausted";

/**
 * Ends an attempt with its cause and starts the next from the newest checkpoint. Where no next one is allowed the run
 * ends too and the reason is answered.
 *
 * @param where `job`: the same driver goes on with it; `cluster`: a new job is desired
 */
export async function retry(
  tx: Transaction,
  run: Run,
  attempt: Attempt,
  cause: Cause,
  where: { next: "job" | "cluster"; lastStep: number | null },
): Promise<{ next: Attempt } | { refused: Refusal }> {
  if (isLeaving(run)) {
    await leave(tx, run, attempt);
    return { refused: "stop_requested" };
  }
  if (attempt.number >= run.maxAttempts + run.resumes) {
    await endAttempt(tx, run, attempt, cause, where.lastStep);
    await endRun(tx, run, { state: "failed", cause });
    return { refused: "attempts_exhausted" };
  }
  const firstStep = await endAttempt(tx, run, attempt, cause, where.lastStep);
  // It keeps the room that the attempt before it had; its driver gives up what is gone (`elastic.ts`).
  const next = await addAttempt(tx, run, {
    number: attempt.number + 1,
    firstStep,
    isAdmitted: true,
    workerCount: attempt.workerCount,
    ...(where.next === "job" && { jobId: attempt.jobId }),
  });
  // A result of an attempt that did not end cleanly is not the run's.
  if (run.result) await repo.patchRun(tx, run.id, { result: null });
  await emitRun(tx, run);
  return { next };
}

/** Ends an attempt with what it cost. Answers the step of the newest checkpoint: where a next one starts. */
async function endAttempt(
  tx: Transaction,
  run: Run,
  attempt: Attempt,
  cause: Cause,
  reportedStep: number | null = null,
): Promise<number> {
  const checkpoint = await repo.newestCheckpoint(tx, run);
  const from = checkpoint?.step ?? 0;
  const lastStep = reportedStep ?? run.progress?.step ?? null;
  const to = cause.kind === "stopped" ? "stopped" : cause.kind === "node_lost" ? "lost" : "failed";
  await repo.moveAttempt(tx, attempt, to, {
    endedAt: sql`now()`,
    cause,
    lastStep,
    stepsLost: lastStep === null ? null : Math.max(0, lastStep - from),
  });
  if (run.growTo !== null) await repo.patchRun(tx, run.id, repo.NO_GROWTH);
  return from;
}

async function endRun(tx: Transaction, run: Run, outcome: Outcome): Promise<void> {
  const cause = outcome.state === "succeeded" ? null : outcome.cause;
  const ended = await repo.moveRun(tx, run, outcome.state, { endedAt: sql`now()`, cause });
  await finisherOf(run.kind)?.(tx, ended, outcome);
  await repo.linkResultVersion(tx, run.id);
  await emitRun(tx, ended);
}
