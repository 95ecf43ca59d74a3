/** What would happen at a launch: pure arithmetic over what is known of the cluster and of earlier runs. */
import type { Fit } from "../runs/contract";
import type { LaunchPlan } from "./contract";

export interface PlanFacts {
  trainSamples: number;
  epochs: number;
  globalBatch: number;
  fit: Fit;
  /** Launch to first step of earlier runs, seconds. */
  launches: readonly number[];
  /** Seconds a step of earlier runs with as many workers and the same batch. */
  stepSeconds: readonly number[];
  costsPerHour: number | null;
}

export function planLaunch(f: PlanFacts): LaunchPlan {
  const stepsPerEpoch = Math.ceil(f.trainSamples / f.globalBatch);
  const steps = Math.max(1, Math.round(stepsPerEpoch * f.epochs));
  const perStep = median(f.stepSeconds);
  return {
    steps,
    stepsPerEpoch,
    fit: f.fit,
    startsInSeconds: median(f.launches),
    takesSeconds: perStep === null ? null : perStep * steps,
    costsPerHour: f.costsPerHour,
    fromRuns: f.stepSeconds.length,
  };
}

/** Middle of the sorted values; the lower middle of an even number, so that it is a value that happened. */
export function median(values: readonly number[]): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? null;
}
