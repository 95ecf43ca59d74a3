/** Whether a condition holds of a series at a moment: pure. Times are Unix milliseconds. */
import type { Condition } from "./rule-contract";

export interface Point {
  at: number;
  value: number;
}
export interface Held {
  since: number;
  /** The newest; null where there is none. */
  value: number | null;
}
interface Known {
  /** In order, a moment once: `inOrder` makes them so. */
  points: readonly Point[];
  /** Since when the series could have had a point. */
  bornAt: number;
  /** Milliseconds after which a point is no value any more. */
  staleMs: number;
}

/** By their times. Of several of one time the greatest, and none that is not finite. */
export function inOrder(points: readonly Point[]): Point[] {
  const byTime = new Map<number, number>();
  for (const { at, value } of points) {
    if (!Number.isFinite(value)) continue;
    byTime.set(at, Math.max(value, byTime.get(at) ?? value));
  }
  return [...byTime].map(([at, value]) => ({ at, value })).sort((a, b) => a.at - b.at);
}

/**
 * Threshold and rate look at the newest point and need a fresh one, absence needs that there is none: of one series
 * they never hold together. What held goes on until it is back at its clearing value, so that it never flaps within.
 *
 * @param isHeld whether it held when it was last looked at
 * @param end how many of the points were there by `now`
 */
export function judge(
  condition: Condition,
  known: Known,
  now: number,
  isHeld: boolean,
  end = known.points.length,
): Held | null {
  const { points, bornAt, staleMs } = known;
  const newest = points[end - 1];
  if (condition.kind === "absence") {
    const since = Math.max(bornAt, newest?.at ?? bornAt);
    return now - since > condition.minutes * 60_000 ? { since, value: null } : null;
  }
  if (!newest || now - newest.at > staleMs) return null;
  return condition.kind === "threshold"
    ? beyond(condition, known, newest, now, isHeld, end)
    : changed(condition, known, newest, now, isHeld, end);
}

/**
 * Walks back from the newest of `end` points until one is as old as `then`, for as long as the walk goes on.
 *
 * @param goesOn whether a point belongs to it, with the one after it; the newest is its own
 */
function backTo(
  then: number,
  points: readonly Point[],
  end: number,
  goesOn: (point: Point, after: Point) => boolean,
): Point | undefined {
  let first: Point | undefined;
  for (let i = end - 1; i >= 0; i -= 1) {
    const point = points[i];
    if (!point || !goesOn(point, first ?? point)) break;
    first = point;
    if (point.at <= then) break;
  }
  return first;
}

type Threshold = Extract<Condition, { kind: "threshold" }>;
type Rate = Extract<Condition, { kind: "rate" }>;

function beyond(
  { side, value, minutes, clear }: Threshold,
  { points, staleMs }: Known,
  newest: Point,
  now: number,
  isHeld: boolean,
  end: number,
): Held | null {
  const sign = side === "above" ? 1 : -1;
  const isBeyond = (point: Point, limit: number) => sign * (point.value - limit) > 0;
  if (isHeld) return isBeyond(newest, clear ?? value) ? { since: newest.at, value: newest.value } : null;
  const then = now - minutes * 60_000;
  const goesOn = (point: Point, after: Point) => isBeyond(point, value) && after.at - point.at <= staleMs;
  const first = backTo(then, points, end, goesOn);
  return first && first.at <= then ? { since: first.at, value: newest.value } : null;
}

function changed(
  { direction, by, minutes }: Rate,
  { points, staleMs }: Known,
  newest: Point,
  now: number,
  isHeld: boolean,
  end: number,
): Held | null {
  const then = now - minutes * 60_000;
  const first = backTo(then, points, end, (point) => point.at >= then - staleMs);
  // Half of the time must be known: a series that began a moment ago has no rate.
  if (!first || newest.at - first.at < (minutes * 60_000) / 2) return null;
  const change = (newest.value - first.value) * (direction === "rises" ? 1 : -1);
  return change > (isHeld ? by / 2 : by) ? { since: first.at, value: newest.value } : null;
}

export interface Span {
  from: number;
  /** Null while it lasts. */
  to: number | null;
}
const LOOK_MS = 60_000;

/** When a condition would have held, looked at once a minute from `from` to `to`. */
export function play(condition: Condition, known: Known, from: number, to: number): Span[] {
  const spans: Span[] = [];
  let open: Span | null = null;
  let end = 0;
  for (let now = from; now <= to; now += LOOK_MS) {
    while ((known.points[end]?.at ?? Number.POSITIVE_INFINITY) <= now) end += 1;
    const held: Held | null = now < known.bornAt ? null : judge(condition, known, now, open !== null, end);
    if (held && !open) {
      open = { from: now, to: null };
      spans.push(open);
    } else if (!held && open) {
      open.to = now;
      open = null;
    }
  }
  return spans;
}
