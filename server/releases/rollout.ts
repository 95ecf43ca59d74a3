/** The way of a release to all of the traffic, as a state machine. Pure; `rollout-moves.ts` does what it says. */
import type { Gradual, Move, Phase } from "./rollout-contract";

export interface Position {
  phase: Phase;
  /** Index into the steps of a canary. */
  step: number;
  /** Nobody but a person moves it on. */
  isHeld: boolean;
}
export interface Rollout extends Position {
  id: string;
  strategy: Gradual;
  /** When the phase or the step began. */
  since: Date;
}

const MINUTE_MS = 60_000;

export const isLive = ({ phase }: Pick<Rollout, "phase">): boolean => phase !== "done" && phase !== "aborted";
/** Whether requests reach it, so that alarms have something to look at. */
export const isWatched = ({ phase }: Pick<Rollout, "phase">): boolean =>
  phase === "shadow" || phase === "canary" || phase === "baking";

const at = (phase: Phase, step = 0, isHeld = false): Position => ({ phase, step, isHeld });
const atStep = (strategy: Gradual, step: number): Position =>
  strategy.kind === "canary" && (strategy.steps[step] ?? 100) < 100 ? at("canary", step) : at("baking", step);

/** Where it goes when its replicas are ready. */
export const begun = (strategy: Gradual): Position =>
  strategy.kind === "shadow" ? at("shadow") : atStep(strategy, 0);

/** Where a move leads; null where it leads nowhere from here. */
export function moved(
  { strategy, phase, step, isHeld }: Omit<Rollout, "since" | "id">,
  move: Move,
): Position | null {
  const isUnderWay = phase === "canary" || phase === "shadow";
  switch (move) {
    case "next":
      if (phase === "canary") return atStep(strategy, step + 1);
      return phase === "shadow" || phase === "baking" ? at("done", step) : null;
    case "back":
      // It stays there until a person says otherwise.
      return phase === "canary" && step > 0 ? at("canary", step - 1, true) : null;
    case "hold":
      return isUnderWay && !isHeld ? at(phase, step, true) : null;
    case "resume":
      return isUnderWay && isHeld ? at(phase, step, false) : null;
    case "abort":
      return isUnderWay || phase === "preparing" ? at("aborted", step) : null;
  }
}

/** When it is due to go on by itself; null where only a person moves it. A canary goes on only where it was agreed. */
export function dueAt({ strategy, phase, isHeld, since }: Rollout): Date | null {
  if (isHeld) return null;
  const after = (minutes: number) => new Date(since.getTime() + minutes * MINUTE_MS);
  if (strategy.kind === "shadow") return phase === "shadow" ? after(strategy.minutes) : null;
  if (phase === "baking" || (phase === "canary" && strategy.auto)) return after(strategy.bakeMinutes);
  return null;
}

/** When a step has been looked at for as long as was agreed. */
export function bakedAt({ strategy, since }: Rollout): Date {
  const minutes = strategy.kind === "canary" ? strategy.bakeMinutes : strategy.minutes;
  return new Date(since.getTime() + minutes * MINUTE_MS);
}

/** Percent of the requests that it answers. */
export function weightOf({ strategy, phase, step }: Omit<Rollout, "since" | "id">): number {
  if (phase === "baking" || phase === "done") return 100;
  return phase === "canary" && strategy.kind === "canary" ? (strategy.steps[step] ?? 0) : 0;
}

/** Percent of the requests that are mirrored to it. */
export const mirroredOf = ({ strategy, phase }: Omit<Rollout, "since" | "id">): number =>
  phase === "shadow" && strategy.kind === "shadow" ? strategy.percent : 0;
