/** How runs and attempts are said: state to shape and words. */

import { duration, plural } from "@/components/ui/format";
import type { State } from "@/components/ui/shape";
import type { AttemptState, RunState } from "@/server/runs/contract";
import type { Fit } from "@/server/training/contract";

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
  }: { state: RunState; stopRequestedAt: Date | null; pauseRequestedAt: Date | null },
  attempt: number,
): string => {
  const isLive = state === "queued" || state === "running";
  if (isLive && stopRequestedAt) return "stopping";
  if (isLive && pauseRequestedAt) return "pausing";
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
