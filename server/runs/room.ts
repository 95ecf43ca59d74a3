/**
 * Arithmetic of room: how many workers fit on a cluster beside what is there already, and when they will. The queue,
 * elastic runs and the forms of a launch all ask here.
 */
import type { Fit, RunResources } from "./contract";

/** What one node offers, or what one worker takes. */
export interface Size {
  cpus: number;
  gpus: number;
}

/** Nodes that are up, those that pools may still start, and what workers and services take of them. */
export interface Room {
  up: readonly Size[];
  toStart: readonly Size[];
  taken: readonly Size[];
}

/** Sums of fractions of CPUs are not exact. */
const NEARLY = 1e-9;

/** How many workers of a size nodes hold. */
export const placesFor = (nodes: readonly Size[], { cpus, gpus }: Size): number =>
  sum(
    nodes.map((node) => {
      const byGpus = gpus > 0 ? (node.gpus + NEARLY) / gpus : Number.POSITIVE_INFINITY;
      return Math.max(0, Math.floor(Math.min((node.cpus + NEARLY) / cpus, byGpus)));
    }),
  );

const sum = (all: readonly number[]): number => all.reduce((a, b) => a + b, 0);

/** With how many workers a run would be let in on free nodes: as many as fit, 0 where its minimum does not. */
export function holds(free: readonly Size[], asked: RunResources): number {
  const workers = Math.min(asked.workers, placesFor(free, asked));
  return workers >= asked.minWorkers ? workers : 0;
}

export const sized = (workers: number, { cpus, gpus }: Size): Size[] =>
  Array.from({ length: workers }, () => ({ cpus, gpus }));

/**
 * What is left of nodes: workers go one by one, each on the fullest node that still holds it; one that fits nowhere,
 * such as one on the head, takes nothing of them.
 */
export function freeBeside(nodes: readonly Size[], taken: readonly Size[]): Size[] {
  const free = nodes.map(({ cpus, gpus }) => ({ cpus, gpus }));
  for (const worker of taken) {
    const [best] = free
      .filter((node) => placesFor([node], worker) > 0)
      .sort((a, b) => a.gpus - b.gpus || a.cpus - b.cpus);
    if (!best) continue;
    best.cpus -= worker.cpus;
    best.gpus -= worker.gpus;
  }
  return free;
}

/**
 * Who is let in now and with how many workers: strictly in order, so that a large run is never passed by smaller ones
 * for ever. Only what the whole cluster can never hold is passed.
 *
 * @param waiting in the order of the queue
 */
export function admissible<T extends { resources: RunResources }>(
  { up, toStart, taken }: Room,
  waiting: readonly T[],
): { run: T; workers: number }[] {
  const nodes = [...up, ...toStart];
  let free = freeBeside(nodes, taken);
  const admitted: { run: T; workers: number }[] = [];
  for (const run of waiting) {
    if (holds(nodes, run.resources) === 0) continue;
    const workers = holds(free, run.resources);
    if (workers === 0) break;
    free = freeBeside(free, sized(workers, run.resources));
    admitted.push({ run, workers });
  }
  return admitted;
}

/** Work on the cluster and the seconds until it ends: null where nobody knows, Infinity for what stays. */
export interface Occupant {
  workers: readonly Size[];
  endsIn: number | null;
}

/**
 * Seconds until the last of `waiting` is let in, by playing through who ends and who is let in before it; null where
 * that depends on something whose end nobody knows.
 *
 * @param waiting in the order of the queue, with what each takes in seconds
 */
export function startsIn(
  nodes: readonly Size[],
  occupants: readonly Occupant[],
  waiting: readonly { resources: RunResources; takes: number | null }[],
): number | null {
  const here = [...occupants];
  const free = () =>
    freeBeside(
      nodes,
      here.flatMap(({ workers }) => workers),
    );
  let now = 0;
  for (const { resources, takes } of waiting) {
    if (holds(nodes, resources) === 0) continue;
    while (holds(free(), resources) === 0) {
      const ends = here.map(({ endsIn }) => endsIn);
      if (ends.some((end) => end === null)) return null;
      const next = Math.min(...ends.map(Number));
      if (!Number.isFinite(next)) return null;
      now = Math.max(now, next);
      here.splice(ends.indexOf(next), 1);
    }
    const workers = sized(holds(free(), resources), resources);
    here.push({ workers, endsIn: takes === null ? null : now + takes });
  }
  return now;
}

/** Whether and when workers find a place, in words. */
export function fitOf(asked: RunResources, { up, toStart, taken }: Room): Fit {
  const nodes = [...up, ...toStart];
  const now = placesFor(freeBeside(up, taken), asked);
  const room = `${now === 0 ? "no room" : now === 1 ? "room for 1 such worker" : `room for ${now} such workers`} now`;
  const most = placesFor(nodes, asked);
  if (most < asked.minWorkers) {
    const says = `This cluster never holds more than ${most} such workers: choose fewer, or smaller ones.`;
    return { state: "never", says };
  }
  const workers = holds(freeBeside(nodes, taken), asked);
  if (workers === 0) {
    const says = `There is ${room}, and no node is left to start. It waits until others end; choose fewer workers to start sooner.`;
    return { state: "waits", says };
  }
  const grows =
    workers < asked.workers ? ` It starts with ${workers} and grows when there is room for more.` : "";
  if (now >= workers) return { state: "now", says: `It fits: there is ${room}.${grows}` };
  const started = nodesFor(workers - now, toStart, asked);
  const say = started === 1 ? "1 node would be started" : `${started} nodes would be started`;
  return { state: "after_scaling", says: `There is ${room}; ${say}.${grows}` };
}

/** How many nodes hold so many more workers, the largest first. */
function nodesFor(workers: number, toStart: readonly Size[], asked: Size): number {
  const places = toStart.map((node) => placesFor([node], asked)).sort((a, b) => b - a);
  let missing = workers;
  return places.filter((held) => {
    const isNeeded = missing > 0 && held > 0;
    missing -= held;
    return isNeeded;
  }).length;
}
