/** When elastic runs get more workers. Pure: it is told what there is, and for how long. */
import type { RunResources } from "./contract";
import { freeBeside, holds, placesFor, type Room, sized } from "./room";

/** For so long there is room before it is used: nodes that come and go would cost more than they give. */
export const STEADY_SECONDS = 20;
/** So long an attempt runs before its run grows: leaving and beginning again takes some seconds each time. */
export const SETTLED_SECONDS = 60;
/** After so long without the last of the nodes that would be started, it grows onto those that came. */
export const NODES_SECONDS = 300;

/** A training that runs with fewer workers than it may have. */
export interface Elastic {
  runId: string;
  resources: RunResources;
  /** What it has. */
  workers: number;
  /** The workers that it was seen to have room for, and for how many seconds. */
  growTo: number | null;
  growSeconds: number;
  /** Since its workers made their first step. */
  ranSeconds: number;
  /** Its attempt has stored one: what it leaves with is not all that there is. */
  hasCheckpoint: boolean;
}

/**
 * `hold`: nodes for so many workers shall be up. `ask`: its attempt leaves, and the next has so many. `forget`: there
 * is no room any more.
 */
export type Growth = { runId: string } & ({ act: "hold" | "ask"; workers: number } | { act: "forget" });

/**
 * What changes now. While anybody waits in the queue nobody grows: the room is theirs, unless they ask for more than
 * the cluster can ever hold.
 *
 * @param running the first to grow first
 */
export function grow(
  running: readonly Elastic[],
  { up, toStart, taken }: Room,
  waiting: readonly { resources: RunResources }[],
): Growth[] {
  const isAnyoneWaiting = waiting.some(({ resources }) => holds([...up, ...toStart], resources) > 0);
  let free = freeBeside([...up, ...toStart], taken);
  let freeUp = freeBeside(up, taken);
  return running.flatMap(({ runId, resources, ...one }): Growth[] => {
    const more = isAnyoneWaiting ? 0 : Math.min(resources.workers - one.workers, placesFor(free, resources));
    if (more <= 0) return one.growTo === null ? [] : [{ runId, act: "forget" }];
    free = freeBeside(free, sized(more, resources));
    if (one.growTo !== one.workers + more) return [{ runId, act: "hold", workers: one.workers + more }];
    const isDue = one.growSeconds >= STEADY_SECONDS && one.ranSeconds >= SETTLED_SECONDS && one.hasCheckpoint;
    const here = Math.min(more, placesFor(freeUp, resources));
    if (!isDue || here === 0 || (here < more && one.growSeconds < NODES_SECONDS)) return [];
    freeUp = freeBeside(freeUp, sized(here, resources));
    return [{ runId, act: "ask", workers: one.workers + here }];
  });
}
