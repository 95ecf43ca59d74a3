import type { Domain } from "./prepare";
import type { Point } from "./types";

export type WaitingArea = { from: number; to: number; low: number; high: number };

/** Times inside `range` at which demand was above capacity, with both values. Where either is unknown there is none. */
export function waitingAreas(
  capacity: readonly Point[],
  demand: readonly Point[],
  [start, end]: Domain,
): WaitingArea[] {
  const at = (points: readonly Point[], x: number) => points.findLast((point) => point.x <= x)?.y ?? null;
  const changes = [...capacity, ...demand].map(({ x }) => x).filter((x) => x > start && x < end);
  const edges = [...new Set([start, ...changes, end])].sort((a, b) => a - b);
  return edges.slice(0, -1).flatMap((from, index) => {
    const low = at(capacity, from);
    const high = at(demand, from);
    const to = edges[index + 1] ?? end;
    return low !== null && high !== null && high > low ? [{ from, to, low, high }] : [];
  });
}
