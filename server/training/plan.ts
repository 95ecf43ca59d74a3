/** What would happen at a launch: pure arithmetic over what is known of the cluster and of earlier runs. */
import type { Fit, LaunchPlan } from "./contract";

/** What each worker asks for. */
export interface Shape {
  workers: number;
  cpus: number;
  gpus: number;
}

/** Nodes that are up, with what is free of them, and those that the pools may still start. */
export interface Room {
  nodes: readonly { cpus: number; gpus: number; freeCpus: number; freeGpus: number }[];
  toCome: readonly { count: number; cpus: number; gpus: number }[];
}

export interface PlanFacts extends Shape {
  trainSamples: number;
  epochs: number;
  globalBatch: number;
  room: Room;
  /** Launch to first step of earlier runs, seconds. */
  launches: readonly number[];
  /** Seconds a step of earlier runs with as many workers and the same batch. */
  stepSeconds: readonly number[];
}

export function planLaunch(f: PlanFacts): LaunchPlan {
  const stepsPerEpoch = Math.ceil(f.trainSamples / f.globalBatch);
  const steps = Math.max(1, Math.round(stepsPerEpoch * f.epochs));
  const perStep = median(f.stepSeconds);
  return {
    steps,
    stepsPerEpoch,
    fit: fitOf(f, f.room),
    startsInSeconds: median(f.launches),
    takesSeconds: perStep === null ? null : perStep * steps,
    fromRuns: f.stepSeconds.length,
  };
}

/** Whether and when workers of a shape find a place. */
export function fitOf(shape: Shape, { nodes, toCome }: Room): Fit {
  const placesOn = (cpus: number, gpus: number) =>
    Math.floor(Math.min(cpus / shape.cpus, shape.gpus > 0 ? gpus / shape.gpus : Number.POSITIVE_INFINITY));
  const sum = (all: readonly number[]) => all.reduce((a, b) => a + b, 0);
  const free = sum(nodes.map((node) => placesOn(node.freeCpus, node.freeGpus)));
  const room = `${free === 0 ? "no room" : free === 1 ? "room for 1 such worker" : `room for ${free} such workers`} now`;
  if (free >= shape.workers) return { state: "now", says: `It fits: there is ${room}.` };

  const coming = toCome
    .map(({ count, cpus, gpus }) => ({ count, places: placesOn(cpus, gpus) }))
    .filter(({ places }) => places > 0)
    .sort((a, b) => b.places - a.places);
  let missing = shape.workers - free;
  let started = 0;
  for (const { count, places } of coming) {
    const used = Math.min(count, Math.ceil(missing / places));
    started += used;
    missing -= used * places;
    if (missing <= 0) {
      const say = started === 1 ? "1 node would be started" : `${started} nodes would be started`;
      return { state: "after_scaling", says: `There is ${room}; ${say}.` };
    }
  }
  const ever =
    sum(nodes.map((node) => placesOn(node.cpus, node.gpus))) +
    sum(coming.map(({ count, places }) => count * places));
  return ever < shape.workers
    ? {
        state: "never",
        says: `This cluster never holds more than ${ever} such workers: choose fewer, or smaller ones.`,
      }
    : {
        state: "waits",
        says: `There is ${room}, and no node is left to start. It waits until others end; choose fewer workers to start sooner.`,
      };
}

/** Middle of the sorted values; the lower middle of an even number, so that it is a value that happened. */
export function median(values: readonly number[]): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? null;
}
