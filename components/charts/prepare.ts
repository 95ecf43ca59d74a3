import type { Value } from "./types";

/** Pure preparation of chart data. Nothing here knows the DOM. */

export type Domain = readonly [min: number, max: number];

/** 1, 2 and 5 times the powers of ten, from the one at or below `from` upwards. */
function* niceSteps(from: number): Generator<number> {
  for (let decade = 10 ** Math.floor(Math.log10(from)); ; decade *= 10) {
    for (const factor of [1, 2, 5]) yield factor * decade;
  }
}

/** The first nice step for which `fits` holds; `span` decides where the search begins. */
function niceStep(span: number, count: number, fits: (step: number) => boolean): number {
  for (const step of niceSteps(span / count / 2)) if (fits(step)) return step;
  throw new Error(`No step fits a span of ${span}`);
}

/** Removes what binary fractions add: 0.30000000000000004 is 0.3. */
const tidy = (value: number) => Number(value.toPrecision(12));

/** At most `count` round values inside `domain`, ascending; one for an empty domain. */
export function ticks([min, max]: Domain, count = 5): number[] {
  if (!(max > min)) return [min];
  const first = (step: number) => Math.ceil(min / step - 1e-9);
  const size = (step: number) => Math.floor(max / step + 1e-9) - first(step) + 1;
  const step = niceStep(max - min, count, (candidate) => size(candidate) <= count);
  return Array.from({ length: size(step) }, (_, index) => tidy((first(step) + index) * step));
}

const MINUTE_MS = 60_000;
const TIME_STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 180, 240, 360, 720, 1440, 2880, 7200, 10_080].map(
  (minutes) => minutes * MINUTE_MS,
);

/** At most `count` round times of day, or days, inside a range in Unix ms. */
export function timeTicks([from, to]: Domain, count = 7): number[] {
  const step = TIME_STEPS.find((candidate) => (to - from) / candidate <= count) ?? (to - from) / count;
  const first = Math.ceil(from / step) * step;
  return Array.from({ length: Math.floor((to - first) / step) + 1 }, (_, index) => first + index * step);
}

/** Decimals that tell neighbouring ticks apart. */
export function tickDigits(values: readonly number[]): number {
  const gaps = values.slice(1).map((value, index) => Math.abs(value - (values[index] ?? 0)));
  const gap = Math.min(...gaps);
  if (!Number.isFinite(gap) || gap === 0) return 0;
  let digits = 0;
  while (
    digits < 6 &&
    Math.abs(gap * 10 ** digits - Math.round(gap * 10 ** digits)) > 1e-6 * 10 ** digits * gap
  )
    digits += 1;
  return digits;
}

/**
 * A round domain that holds every value; gaps are left out. `include` adds values that must be in sight, such
 * as a limit. Without any value it is 0 to 1.
 *
 * @param most marks, at least its two ends
 */
export function domainOf(values: readonly Value[], include: readonly number[] = [], most = 5): Domain {
  const count = Math.max(2, most);
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  for (const list of [values, include]) {
    for (const value of list) {
      if (value === null || !Number.isFinite(value)) continue;
      if (value < min) min = value;
      if (value > max) max = value;
    }
  }
  if (min > max) return [0, 1];
  // Values that only rounding tells apart are one value; the axis needs room around it.
  const magnitude = Math.max(Math.abs(min), Math.abs(max));
  if (max - min <= magnitude * 1e-9 || magnitude < 1e-12) {
    const room = magnitude < 1e-12 ? 1 : magnitude * 0.1;
    return [min - room, max + room];
  }
  const low = (step: number) => Math.floor(min / step + 1e-9);
  const high = (step: number) => Math.ceil(max / step - 1e-9);
  const step = niceStep(max - min, count, (candidate) => high(candidate) - low(candidate) + 1 <= count);
  return [tidy(low(step) * step), tidy(high(step) * step)];
}

/** Splits at gaps: each run holds neighbouring points that may be joined by a line. */
export function runs<Item extends { y: Value }>(points: readonly Item[]): (Item & { y: number })[][] {
  const result: (Item & { y: number })[][] = [];
  let open: (Item & { y: number })[] | undefined;
  for (const point of points) {
    if (point.y === null || !Number.isFinite(point.y)) {
      open = undefined;
      continue;
    }
    if (!open) {
      open = [];
      result.push(open);
    }
    open.push({ ...point, y: point.y });
  }
  return result;
}

/** Columns of one series: `x` ascending; a null in `y` is a gap. */
export type Columns = { x: readonly number[]; y: readonly Value[] };

/** A series that was reduced before: the least and the greatest value behind each mean. */
export type BandColumns = Columns & {
  min?: readonly Value[] | undefined;
  max?: readonly Value[] | undefined;
};

/**
 * Puts a gap wherever neighbours are further apart than `maxStep`, so that a line never bridges a time of which
 * nothing is known.
 */
export function withGaps({ x, y }: Columns, maxStep: number): { x: number[]; y: Value[] } {
  const xs: number[] = [];
  const ys: Value[] = [];
  for (let index = 0; index < x.length; index += 1) {
    const at = x[index];
    if (at === undefined) continue;
    const before = x[index - 1];
    if (before !== undefined && at - before > maxStep) {
      xs.push(before + maxStep / 2);
      ys.push(null);
    }
    xs.push(at);
    ys.push(y[index] ?? null);
  }
  return { x: xs, y: ys };
}

/** One pixel column of a long series. */
export type Bucket = { x: number; mean: Value; min: Value; max: Value };

/**
 * Reduces a series to one bucket a pixel, keeping the least and the greatest value of each, so that a spike of one
 * step survives any zoom. `x` ascends; buckets without a value are gaps.
 */
export function decimate({ x, y, min, max }: BandColumns, [from, to]: Domain, width: number): Bucket[] {
  const columns = Math.max(1, Math.floor(width));
  const buckets: (Bucket & { sum: number; n: number })[] = [];
  const size = (to - from) / columns || 1;
  for (let index = 0; index < x.length; index += 1) {
    const at = x[index];
    if (at === undefined || at < from || at > to) continue;
    const column = Math.min(columns - 1, Math.floor((at - from) / size));
    let bucket = buckets.at(-1);
    const start = from + column * size;
    if (!bucket || bucket.x < start) {
      bucket = { x: at, mean: null, min: null, max: null, sum: 0, n: 0 };
      buckets.push(bucket);
    }
    const value = y[index];
    if (value === null || value === undefined || !Number.isFinite(value)) continue;
    const least = min?.[index] ?? value;
    const greatest = max?.[index] ?? value;
    bucket.min = bucket.min === null ? least : Math.min(bucket.min, least);
    bucket.max = bucket.max === null ? greatest : Math.max(bucket.max, greatest);
    bucket.sum += value;
    bucket.n += 1;
    bucket.mean = bucket.sum / bucket.n;
  }
  return buckets.map(({ x: at, mean, ...edges }) => ({ x: at, mean, min: edges.min, max: edges.max }));
}

/**
 * Places for labels that want to stand at ascending `ys`, px from the top: at least `gap` apart, pushed down, and
 * where that goes below `lowest`, back up.
 */
export function spread(ys: readonly number[], gap: number, lowest = Number.POSITIVE_INFINITY): number[] {
  let free = Number.NEGATIVE_INFINITY;
  const down = ys.map((y) => {
    const place = Math.max(y, free);
    free = place + gap;
    return place;
  });
  let room = lowest;
  return down
    .toReversed()
    .map((y) => {
      const place = Math.min(y, room);
      room = place - gap;
      return place;
    })
    .toReversed();
}

/** The index of the value of ascending `xs` closest to `x`; -1 where there is none. */
export function nearestIndex(xs: readonly number[], x: number): number {
  let low = 0;
  let high = xs.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((xs[middle] ?? 0) <= x) low = middle;
    else high = middle;
  }
  if (xs.length === 0) return -1;
  return Math.abs((xs[high] ?? 0) - x) < Math.abs((xs[low] ?? 0) - x) ? high : low;
}

const field = (value: string | number | null) => {
  const text = value === null ? "" : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};

/** RFC 4180; a gap is an empty field. Text that a spreadsheet would run as a formula is quoted with an apostrophe. */
export function toCsv(
  heads: readonly string[],
  rows: readonly (readonly (string | number | null)[])[],
): string {
  const safe = (value: string | number | null) =>
    typeof value === "string" && /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return [heads, ...rows].map((row) => `${row.map((value) => field(safe(value))).join(",")}\r\n`).join("");
}
