import uPlot from "uplot";
import { type Domain, decimate, nearestIndex } from "./prepare";
import type { Stroke, Value } from "./types";

export type LiveSeries = {
  key: string;
  label: string;
  /** CSS colour, as a variable. */
  color: string;
  /** Ascending: steps, or Unix ms. */
  x: readonly number[];
  /** The mean of each bucket; null is a gap. */
  y: readonly Value[];
  /** The least and greatest value of each bucket, so that a spike survives any zoom. */
  min?: readonly Value[] | undefined;
  max?: readonly Value[] | undefined;
  stroke?: Stroke | undefined;
  /** An attempt that ended before this one: grey, without band. */
  isEarlier?: boolean | undefined;
  /** False draws the mean alone, where many lines would drown in each other's bands. */
  hasBand?: boolean | undefined;
};

const isBanded = (series: LiveSeries): boolean => !series.isEarlier && series.hasBand !== false;

/** Where a series stands among the columns of the joined table. */
export type SeriesPlace = {
  series: LiveSeries;
  mean: number;
  band: { min: number; max: number } | undefined;
};

/** The columns of each series, in the order of `liveTable`: least, greatest and mean; not all have a band. */
export function placesOf(all: readonly LiveSeries[]): SeriesPlace[] {
  let column = 1;
  return all.map((series) => {
    const first = column;
    column += isBanded(series) ? 3 : 1;
    return !isBanded(series)
      ? { series, mean: first, band: undefined }
      : { series, mean: first + 2, band: { min: first, max: first + 1 } };
  });
}

/** Pixels a point: a line with one point a pixel is a thick line. */
const PIXELS_A_POINT = 2;

/**
 * One table of what is in sight, with at most one point for two pixels of `width`. A null stays a gap; an x that
 * only another series has does not become one. One point beyond each end is kept, so that lines leave the plot.
 */
export function liveTable(all: readonly LiveSeries[], [from, to]: Domain, width: number): uPlot.AlignedData {
  const tables = all.map((series): uPlot.AlignedData => {
    const start = Math.max(0, series.x.findIndex((x) => x >= from) - 1);
    const after = series.x.findIndex((x) => x > to);
    const end = after < 0 ? series.x.length : after + 1;
    const part = {
      x: series.x.slice(start, end),
      y: series.y.slice(start, end),
      min: series.min?.slice(start, end),
      max: series.max?.slice(start, end),
    };
    const extent: Domain = [part.x[0] ?? from, part.x.at(-1) ?? to];
    const buckets = decimate(part, extent, Math.max(1, width / PIXELS_A_POINT));
    const mean = buckets.map((bucket) => bucket.mean);
    const x = buckets.map((bucket) => bucket.x);
    return !isBanded(series)
      ? [x, mean]
      : [x, buckets.map((bucket) => bucket.min), buckets.map((bucket) => bucket.max), mean];
  });
  return tables.length > 0 ? uPlot.join(tables) : [[]];
}

/** From the first to the last x of all series; 0 to 1 without any. */
export function extentOf(all: readonly LiveSeries[]): Domain {
  const starts = all.flatMap((series) => series.x.slice(0, 1));
  const ends = all.flatMap((series) => series.x.slice(-1));
  return starts.length > 0 ? [Math.min(...starts), Math.max(...ends)] : [0, 1];
}

/** The value of a series at `x`: that of its closest sample, no further away than one of its own steps. */
export function valueAt(series: LiveSeries, x: number): Value {
  const index = nearestIndex(series.x, x);
  const found = series.x[index];
  if (found === undefined) return null;
  const first = series.x[0] ?? found;
  const step = ((series.x.at(-1) ?? found) - first) / Math.max(1, series.x.length - 1);
  return Math.abs(found - x) <= Math.max(step * 2, Number.EPSILON) ? (series.y[index] ?? null) : null;
}
