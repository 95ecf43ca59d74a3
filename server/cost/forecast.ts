/** What a month will have cost: pure. */
import { DAY_MS } from "./month";

/** Whole days that are looked at. */
export const LOOKS_BACK = 7;
/** Of a normal distribution: 8 of 10 months end within the range. */
const EIGHT_OF_TEN = 1.2816;

export interface Forecast {
  /** $ at the end of the month, and the range that it ends in 8 times of 10; null from a single day. */
  expected: number;
  range: { low: number; high: number } | null;
  /** The mean of the days that it is made from, $. */
  perDay: number;
  fromDays: number;
}

/**
 * What is spent already, and for the time that is left the mean of the last whole days, seven at most. The range is
 * their standard deviation, taken as independent from day to day. Null without a whole day.
 *
 * @param days $ of whole days, the newest last
 * @param now Unix ms
 * @param until the end of the month, Unix ms
 */
export function forecastOf(
  days: readonly number[],
  spent: number,
  { now, until }: { now: number; until: number },
): Forecast | null {
  const last = days.slice(-LOOKS_BACK);
  if (last.length === 0) return null;
  const perDay = last.reduce((sum, day) => sum + day, 0) / last.length;
  const left = Math.max(0, until - now) / DAY_MS;
  const expected = spent + perDay * left;
  const squares = last.reduce((sum, day) => sum + (day - perDay) ** 2, 0);
  const half =
    last.length < 2 ? null : EIGHT_OF_TEN * Math.sqrt(squares / (last.length - 1)) * Math.sqrt(left);
  return {
    expected,
    range: half === null ? null : { low: Math.max(spent, expected - half), high: expected + half },
    perDay,
    fromDays: last.length,
  };
}
