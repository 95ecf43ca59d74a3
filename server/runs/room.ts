/** Arithmetic of the queue: what fits on a cluster beside what is there already, and when it will. */
import type { Resources } from "./contract";

/** What one node offers, or what one worker takes. */
export interface Size {
  cpus: number;
  gpus: number;
}

/** Sums of fractions of CPUs are not exact. */
const NEARLY = 1e-9;

/** Places workers one by one, the largest first, each on the fullest node that still holds it; null where one finds none. */
function place(nodes: readonly Size[], workers: readonly Size[]): Size[] | null {
  const free = nodes.map((node) => ({ ...node }));
  for (const worker of [...workers].sort((a, b) => b.gpus - a.gpus || b.cpus - a.cpus)) {
    const [best] = free
      .filter((node) => node.cpus + NEARLY >= worker.cpus && node.gpus + NEARLY >= worker.gpus)
      .sort((a, b) => a.gpus - b.gpus || a.cpus - b.cpus);
    if (!best) return null;
    best.cpus -= worker.cpus;
    best.gpus -= worker.gpus;
  }
  return free;
}

export const workersOf = ({ workers, cpus, gpus }: Resources): Size[] =>
  Array.from({ length: workers }, () => ({ cpus, gpus }));

/** What is left of nodes; a worker that fits nowhere, such as one on the head, takes nothing of them. */
export const freeBeside = (nodes: readonly Size[], taken: readonly Size[]): Size[] =>
  taken.reduce<Size[]>((free, worker) => place(free, [worker]) ?? free, [...nodes]);

export const fits = (nodes: readonly Size[], asked: Resources): boolean =>
  place(nodes, workersOf(asked)) !== null;

/**
 * Who is let in now: strictly in order, so that a large run is never passed by smaller ones for ever. Only what the
 * whole cluster can never hold is passed.
 *
 * @param waiting in the order of the queue
 */
export function admissible<T extends { resources: Resources }>(
  nodes: readonly Size[],
  taken: readonly Size[],
  waiting: readonly T[],
): T[] {
  let free = freeBeside(nodes, taken);
  const admitted: T[] = [];
  for (const one of waiting) {
    if (!fits(nodes, one.resources)) continue;
    const left = place(free, workersOf(one.resources));
    if (!left) break;
    free = left;
    admitted.push(one);
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
  waiting: readonly { resources: Resources; takes: number | null }[],
): number | null {
  const here = [...occupants];
  let now = 0;
  for (const one of waiting) {
    if (!fits(nodes, one.resources)) continue;
    while (
      !fits(
        freeBeside(
          nodes,
          here.flatMap(({ workers }) => workers),
        ),
        one.resources,
      )
    ) {
      const ends = here.map(({ endsIn }) => endsIn);
      if (ends.some((end) => end === null)) return null;
      const next = Math.min(...ends.map(Number));
      if (!Number.isFinite(next)) return null;
      now = Math.max(now, next);
      here.splice(ends.indexOf(next), 1);
    }
    here.push({ workers: workersOf(one.resources), endsIn: one.takes === null ? null : now + one.takes });
  }
  return now;
}
