/** How runs and attempts may move. The database holds the same table and refuses everything else. */
import type { AttemptState, RunKind, RunState } from "./contract";

export const RUN_MOVES: Record<RunState, readonly RunState[]> = {
  queued: ["running", "paused", "failed", "stopped"],
  running: ["paused", "succeeded", "failed", "stopped"],
  paused: ["queued", "stopped"],
  succeeded: [],
  failed: [],
  stopped: [],
};

export const ATTEMPT_MOVES: Record<AttemptState, readonly AttemptState[]> = {
  placing: ["starting", "failed", "stopped", "lost"],
  starting: ["running", "failed", "stopped", "lost"],
  running: ["succeeded", "failed", "stopped", "lost"],
  succeeded: [],
  failed: [],
  stopped: [],
  lost: [],
};

export const LIVE_ATTEMPT_STATES = ["placing", "starting", "running"] as const satisfies AttemptState[];
export const LIVE_RUN_STATES = ["queued", "running", "paused"] as const satisfies RunState[];

export const isLiveAttempt = (state: AttemptState): boolean => ATTEMPT_MOVES[state].length > 0;
/** What people launch: it waits in the queue for room (`queue.ts`). Everything else is small and asked for at once. */
export const LAUNCHED_KINDS = ["train", "script"] as const satisfies RunKind[];
export const isLaunched = (run: { kind: RunKind }): boolean =>
  (LAUNCHED_KINDS as readonly RunKind[]).includes(run.kind);

/** It was asked to stop, to pause, or to go on with more workers: its attempt ends with a checkpoint. */
export const isLeaving = (run: {
  stopRequestedAt: Date | null;
  pauseRequestedAt: Date | null;
  growRequestedAt: Date | null;
}): boolean => run.stopRequestedAt !== null || run.pauseRequestedAt !== null || run.growRequestedAt !== null;

export const isLiveRun = (state: RunState): boolean => RUN_MOVES[state].length > 0;

/**
 * The states to go through, `from` excluded and `to` included; empty when it is there already or beyond. A short job
 * may report its result before anyone saw it start.
 */
export function stepsForward(from: AttemptState, to: "starting" | "running"): AttemptState[] {
  const order: readonly AttemptState[] = LIVE_ATTEMPT_STATES;
  const at = order.indexOf(from);
  return at < 0 ? [] : order.slice(at + 1, order.indexOf(to) + 1);
}
