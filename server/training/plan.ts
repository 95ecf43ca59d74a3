/** What would happen at a launch: pure arithmetic over what is known of the cluster and of earlier runs. */
import type { LaunchPlan } from "./contract";

export interface PlanFacts {
  trainSamples: number;
  workers: number;
  epochs: number;
  globalBatch: number;
  /** Free CPUs of each node that is up. */
  freeCpus: readonly number[];
  /** Nodes the pools may still start, and the CPUs of one. */
  nodesToCome: number;
  cpusPerNode: number;
  /** Launch to first step of earlier runs, seconds. */
  launches: readonly number[];
  /** Seconds a step of earlier runs with as many workers and the same batch. */
  stepSeconds: readonly number[];
}

export function planLaunch(f: PlanFacts): LaunchPlan {
  const stepsPerEpoch = Math.ceil(f.trainSamples / f.globalBatch);
  const steps = Math.max(1, Math.round(stepsPerEpoch * f.epochs));
  const places = f.freeCpus.reduce((sum, free) => sum + Math.floor(free), 0);
  const missing = Math.max(0, f.workers - places);
  const needed = f.cpusPerNode > 0 ? Math.ceil(missing / f.cpusPerNode) : Number.POSITIVE_INFINITY;
  const perStep = median(f.stepSeconds);
  return {
    steps,
    stepsPerEpoch,
    fit: fitting(f.workers, places, needed, f.nodesToCome),
    startsInSeconds: median(f.launches),
    takesSeconds: perStep === null ? null : perStep * steps,
    fromRuns: f.stepSeconds.length,
  };
}

function fitting(workers: number, places: number, needed: number, toCome: number): LaunchPlan["fit"] {
  const wanted = `${workers} ${workers === 1 ? "CPU" : "CPUs"} wanted`;
  if (needed === 0) return { state: "now", says: `It fits now: ${wanted}, ${places} free.` };
  if (needed <= toCome) {
    const nodes = needed === 1 ? "1 node would be started" : `${needed} nodes would be started`;
    return { state: "after_scaling", says: `${wanted}, ${places} free. ${nodes}.` };
  }
  const room = toCome === 0 ? "the pool is at its limit" : `the pool may start ${toCome} more`;
  return {
    state: "never",
    says: `${wanted}, ${places} free, and ${room}. It waits until others end; choose fewer workers to start sooner.`,
  };
}

/** Middle of the sorted values; the lower middle of an even number, so that it is a value that happened. */
export function median(values: readonly number[]): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? null;
}
