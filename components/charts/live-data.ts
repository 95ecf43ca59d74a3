import uPlot from "uplot";
import { nearestIndex } from "./prepare";
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
};

/** Where a series stands among the columns of the joined table. */
export type SeriesPlace = {
  series: LiveSeries;
  mean: number;
  band: { min: number; max: number } | undefined;
};

export type LiveTable = { data: uPlot.AlignedData; places: readonly SeriesPlace[] };

/** Joins series with x values of their own into one table. A null stays a gap; a missing x of another series does not. */
export function liveTable(all: readonly LiveSeries[]): LiveTable {
  const places: SeriesPlace[] = [];
  let column = 1;
  const tables = all.map((series): uPlot.AlignedData => {
    const hasBand = !series.isEarlier && series.min !== undefined && series.max !== undefined;
    places.push({
      series,
      mean: hasBand ? column + 2 : column,
      band: hasBand ? { min: column, max: column + 1 } : undefined,
    });
    column += hasBand ? 3 : 1;
    const columns = hasBand
      ? [[...(series.min ?? [])], [...(series.max ?? [])], [...series.y]]
      : [[...series.y]];
    return [[...series.x], ...columns];
  });
  return { data: tables.length > 0 ? uPlot.join(tables) : [[]], places };
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
