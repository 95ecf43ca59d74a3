/** What a replay is played with and what comes of it: demands, pools, figures. Pure. */
import type { Limits } from "../schedule-contract";
import type { Shape } from "../why";

/** What asked for room: `parts` of one shape, which begin together. Times are Unix ms. */
export interface Demand {
  askedAt: number;
  /** Once it has room it runs so long, ms; infinite for what still ran. */
  runsMs: number;
  /** It leaves then, whether it ever had room or not; null for what stays until it ran. */
  until: number | null;
  parts: number;
  shape: Shape;
  /** Its place among priorities in the console's queue, 0 first; null for what never waits there. */
  rank: 0 | 1 | 2 | null;
  /** Where it ran: tried first, and the only one where it is `isBound`. */
  pool: string | null;
  isBound: boolean;
}

export interface Range {
  from: number;
  to: number;
}

export interface ReplayPool {
  name: string;
  size: Shape;
  /** What holds from `at` on; the first at the beginning of the replay. */
  limits: readonly (Limits & { at: number })[];
  /** A node leaves after so long without work, and is there so long after it was asked for, ms. */
  idleMs: number;
  startMs: number;
  /** Of one node, $; null is not known. */
  pricePerHour: number | null;
}

export interface PoolPlayed {
  name: string;
  pricePerHour: number | null;
  /** Summed over its nodes: up, and up with work, ms. */
  upMs: number;
  busyMs: number;
}

export interface Played {
  pools: readonly PoolPlayed[];
  /** How long each demand waited, ms; of those that wait at the end, so far. */
  waitedMs: readonly number[];
  stillWaiting: number;
  /** Demands that no number of nodes within the limits could hold. */
  refused: number;
  /** Nodes that are up, from `at` on. */
  course: readonly { at: number; nodes: number }[];
  nodesAtMost: number;
}

/** Hours and $ of nodes; seconds of waiting. */
export interface Figures {
  nodeHours: number;
  busyHours: number;
  idleHours: number;
  /** Null where a node without a price was up. */
  cost: number | null;
  busyCost: number | null;
  idleCost: number | null;
  nodesAtMost: number;
  demands: number;
  waited: { total: number; p50: number; p95: number; longest: number; overMinute: number; still: number };
  refused: number;
  pools: { name: string; nodeHours: number; busyHours: number; cost: number | null }[];
}

const HOUR_MS = 3_600_000;

/** The wholes are the sums of their parts: busy and idle, and the pools. */
export function figuresOf({ pools, waitedMs, stillWaiting, refused, nodesAtMost }: Played): Figures {
  const costOf = (of: (pool: PoolPlayed) => number) =>
    pools.reduce<number | null>((sum, pool) => {
      const ms = of(pool);
      if (ms === 0 || sum === null) return sum;
      return pool.pricePerHour === null ? null : sum + (ms / HOUR_MS) * pool.pricePerHour;
    }, 0);
  const hoursOf = (of: (pool: PoolPlayed) => number) =>
    pools.reduce((sum, pool) => sum + of(pool), 0) / HOUR_MS;
  const idleMs = ({ upMs, busyMs }: PoolPlayed) => upMs - busyMs;
  return {
    nodeHours: hoursOf(({ upMs }) => upMs),
    busyHours: hoursOf(({ busyMs }) => busyMs),
    idleHours: hoursOf(idleMs),
    cost: costOf(({ upMs }) => upMs),
    busyCost: costOf(({ busyMs }) => busyMs),
    idleCost: costOf(idleMs),
    nodesAtMost,
    demands: waitedMs.length,
    waited: waitedOf(waitedMs, stillWaiting),
    refused,
    pools: pools.map(({ name, upMs, busyMs, pricePerHour }) => ({
      name,
      nodeHours: upMs / HOUR_MS,
      busyHours: busyMs / HOUR_MS,
      cost: upMs === 0 ? 0 : pricePerHour && (upMs / HOUR_MS) * pricePerHour,
    })),
  };
}

function waitedOf(waitedMs: readonly number[], still: number): Figures["waited"] {
  // Numbers alone are sorted many times as fast as by a comparison: this is done in one go.
  const sorted = Float64Array.from(waitedMs).sort();
  const at = (share: number) => (sorted[Math.ceil(share * sorted.length) - 1] ?? 0) / 1000;
  return {
    total: sorted.reduce((sum, ms) => sum + ms, 0) / 1000,
    ...{ p50: at(0.5), p95: at(0.95), longest: at(1), still },
    overMinute: sorted.filter((ms) => ms > 60_000).length,
  };
}

/** The greatest number of nodes in each of `width` equal pieces of a time, with when that begins. */
export function thinned(
  course: Played["course"],
  { from, to }: Range,
  width: number,
): { at: number; nodes: number }[] {
  const step = Math.max(1, (to - from) / width);
  const pieces = Array.from({ length: Math.ceil((to - from) / step) }, (_, i) => ({
    at: Math.round(from + i * step),
    nodes: 0,
  }));
  let next = 0;
  let held = 0;
  for (const [i, piece] of pieces.entries()) {
    piece.nodes = held;
    for (; next < course.length && (course[next]?.at ?? 0) < from + (i + 1) * step; next += 1) {
      held = course[next]?.nodes ?? 0;
      piece.nodes = Math.max(piece.nodes, held);
    }
  }
  return pieces;
}
