/** How runs and attempts are said: state to shape and words. */

import { duration, plural } from "@/components/ui/format";
import type { State } from "@/components/ui/shape";
import type { AttemptState, Fit, RunState } from "@/server/runs/contract";

const SHAPES: Record<RunState | AttemptState, State> = {
  queued: "pending",
  placing: "pending",
  starting: "running",
  running: "running",
  paused: "off",
  succeeded: "ok",
  failed: "bad",
  lost: "bad",
  stopped: "off",
};

/** How a launch would fit, in two words and a shape. */
export const FIT_SAYS: Record<Fit["state"], string> = {
  now: "fits now",
  after_scaling: "waits for nodes",
  waits: "waits for others",
  never: "never fits",
};
export const fitShape = (state: Fit["state"]): State =>
  (({ now: "ok", after_scaling: "pending", waits: "warning", never: "bad" }) as const)[state];

export const shapeOf = (state: RunState | AttemptState): State => SHAPES[state];

/** "running, attempt 2": the attempt is worth a word only when it is not the first. */
export const runSays = (
  {
    state,
    stopRequestedAt,
    pauseRequestedAt,
    growRequestedAt,
  }: {
    state: RunState;
    stopRequestedAt: Date | null;
    pauseRequestedAt: Date | null;
    growRequestedAt?: Date | null;
  },
  attempt: number,
): string => {
  const isLive = state === "queued" || state === "running";
  if (isLive && stopRequestedAt) return "stopping";
  if (isLive && pauseRequestedAt) return "pausing";
  if (isLive && growRequestedAt) return "growing";
  return attempt > 1 ? `${state}, attempt ${attempt}` : state;
};

/** "2nd"; the teens are all "th". */
export function ordinal(n: number): string {
  const teen = n % 100 > 10 && n % 100 < 14;
  return `${n}${(teen ? undefined : ["th", "st", "nd", "rd"][n % 10]) ?? "th"}`;
}

/** "attempt 1 ended at step 50; attempt 2 went on from step 25, 4.1 s later. 25 steps were done again." */
export function recoverySays(attempt: {
  number: number;
  lastStep: number | null;
  stepsLost: number | null;
  resumedStep: number | null;
  secondsLost: number | null;
}): string {
  const ended = attempt.lastStep === null ? "before its first step" : `at step ${attempt.lastStep}`;
  const next = attempt.number + 1;
  if (attempt.secondsLost === null)
    return `Attempt ${attempt.number} ended ${ended}; attempt ${next} is starting.`;
  const from = attempt.resumedStep
    ? `from the checkpoint of step ${attempt.resumedStep}`
    : "from the beginning";
  const again = attempt.stepsLost
    ? ` ${plural(attempt.stepsLost, "step was", "steps were")} done again.`
    : " No step was lost.";
  return `Attempt ${attempt.number} ended ${ended}; attempt ${next} went on ${from}, ${duration(attempt.secondsLost)} later.${again}`;
}

/** "2 of 2 placed"; of an elastic run "2 of 2–4 workers, 1 placed". */
export function workersSay(
  { resources: { workers, minWorkers } }: { resources: { workers: number; minWorkers: number } },
  attempt: { workerCount: number; admittedAt: Date | null; workers: readonly unknown[] } | undefined,
): string {
  const placed = attempt?.workers.length ?? 0;
  if (minWorkers === workers) return `${placed} of ${workers} placed`;
  const has = attempt?.admittedAt ? attempt.workerCount : 0;
  return `${has} of ${minWorkers}–${workers} workers${placed === has ? "" : `, ${placed} placed`}`;
}

/** What an attempt that was let in has of workers against the one before it; null where it is the same. */
export function resizedSays(
  attempt: { workerCount: number; admittedAt: Date | null },
  before: { workerCount: number } | undefined,
): string | null {
  if (!before || !attempt.admittedAt || attempt.workerCount === before.workerCount) return null;
  const verb = attempt.workerCount > before.workerCount ? "Grown" : "Shrunk";
  return `${verb} from ${before.workerCount} to ${plural(attempt.workerCount, "worker")}.`;
}
