/** The runs' side of the engine's ports: which jobs are desired, and what an observed job means for its attempt. */
import { isDeepStrictEqual } from "node:util";
import type { z } from "zod";
import type { DesiredAttempt } from "../engine/contract";
import type { ObservedJob } from "../engine/service";
import type { Db, Transaction } from "../platform/db";
import { deriveToken } from "../platform/tokens";
import type { Cause } from "./contract";
import * as lifecycle from "./lifecycle";
import { type Attempt, takenBy } from "./records";
import * as repo from "./repo";
import { isLeaving, isLiveAttempt } from "./states";

/** Attempts that should be running: live ones that were let in, of runs that were not asked to leave. */
export async function desiredAttempts(db: Db, clusterId: string): Promise<z.infer<typeof DesiredAttempt>[]> {
  const live = await repo.liveAttempts(db, clusterId);
  return live
    .filter(({ run, attempt }) => attempt.admittedAt !== null && !isLeaving(run))
    .map(({ run, attempt }) => ({
      jobId: attempt.jobId,
      runId: run.id,
      attemptId: attempt.id,
      kind: run.kind,
      token: deriveToken("attempt", attempt.id),
      resources: takenBy(run, attempt),
      reserve: run.growTo ?? attempt.workerCount,
    }));
}

/**
 * Takes the complete list of our jobs. A job that was seen before and is missing now is lost. Answers whether another
 * job is desired now.
 */
export async function observeJobs(tx: Transaction, clusterId: string, jobs: ObservedJob[]): Promise<boolean> {
  const byId = new Map(jobs.map((job) => [job.jobId, job]));
  let changed = false;
  // Ordered by run, so that two observers never wait for each other in a circle.
  for (const { run, attempt } of await repo.liveAttempts(tx, clusterId)) {
    const job = byId.get(attempt.jobId) ?? missing(attempt);
    if (!job || isDeepStrictEqual(job, attempt.observed)) continue;
    if (await observeJob(tx, run.id, job)) changed = true;
  }
  return changed;
}

const missing = (attempt: Attempt): ObservedJob | null =>
  attempt.observed && {
    ...attempt.observed,
    state: "lost",
    message: "The cluster does not know the job any more.",
  };

async function observeJob(tx: Transaction, runId: string, job: ObservedJob): Promise<boolean> {
  const run = await repo.lockRun(tx, runId);
  const attempt = await repo.newestAttempt(tx, runId);
  if (!run || !attempt || !isLiveAttempt(attempt.state) || attempt.jobId !== job.jobId) return false;
  await repo.patchAttempt(tx, attempt.id, { observed: job });
  const verdict = judge(run, attempt, job);
  switch (verdict.decision) {
    case "wait":
      return false;
    case "succeed":
      await lifecycle.succeed(tx, run, attempt);
      return true;
    case "leave":
      await lifecycle.leave(tx, run, attempt);
      return true;
    case "fail":
      await lifecycle.fail(tx, run, attempt, verdict.cause);
      return true;
    case "retry":
      await lifecycle.retry(tx, run, attempt, verdict.cause, { next: "cluster", lastStep: null });
      return true;
  }
}

type Verdict = { decision: "wait" | "succeed" | "leave" } | { decision: "fail" | "retry"; cause: Cause };

/** What a job's state means for the attempt it carries. A worker's own error came before, and ended the attempt. */
export function judge(
  run: Parameters<typeof isLeaving>[0],
  attempt: Pick<Attempt, "resultAt" | "number">,
  job: ObservedJob,
): Verdict {
  if (job.state === "pending" || job.state === "running") return { decision: "wait" };
  if (job.state === "succeeded" && attempt.resultAt) return { decision: "succeed" };
  if (isLeaving(run)) return { decision: "leave" };
  if (job.state === "succeeded") {
    return { decision: "fail", cause: cause("worker_error", "The job ended without a result.", job) };
  }
  if (job.state === "lost")
    return { decision: "retry", cause: cause("driver_died", "The cluster lost the job.", job) };
  const message =
    job.state === "stopped" ? "The job was stopped on the cluster, not from here." : exitMessage(job);
  return { decision: "retry", cause: cause("driver_died", message, job) };
}

const SIGNALS: Record<number, string> = { 6: "SIGABRT", 9: "SIGKILL", 11: "SIGSEGV", 15: "SIGTERM" };

function exitMessage(job: ObservedJob): string {
  if (job.exitCode === null) return "The job's driver died.";
  const signal = job.exitCode > 128 ? SIGNALS[job.exitCode - 128] : SIGNALS[-job.exitCode];
  return signal
    ? `The job's driver was ended by ${signal}.`
    : `The job's driver ended with exit code ${job.exitCode}.`;
}

const cause = (kind: Cause["kind"], message: string, job: ObservedJob): Cause => ({
  kind,
  message,
  rank: null,
  exitCode: job.exitCode,
  evidence: job.message,
});
