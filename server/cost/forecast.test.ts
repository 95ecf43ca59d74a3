import { expect, test } from "vitest";
import { forecastOf } from "./forecast";
import { DAY_MS, monthOf, monthSpan } from "./month";

const november = monthSpan("2026-11");
const noon = (day: number) => ({ now: Date.UTC(2026, 10, day, 12), until: november.until });

test("a month ends with what is spent and the mean of the last seven whole days for the time that is left", () => {
  const days = [900, 10, 12, 8, 10, 10, 9, 11];
  expect(forecastOf(days, 105, noon(21))).toMatchObject({
    expected: 105 + 10 * 9.5,
    perDay: 10,
    fromDays: 7,
  });
});

test("the range is wider the more days differ and the more of them are left, and never below what is spent", () => {
  const width = (days: number[], at: number) => {
    const range = forecastOf(days, 50, noon(at))?.range;
    return range ? range.high - range.low : Number.NaN;
  };
  expect(width([10, 10, 10], 20)).toBe(0);
  expect(width([8, 10, 12], 20)).toBeGreaterThan(0);
  expect(width([8, 10, 12], 5)).toBeGreaterThan(width([8, 10, 12], 20));
  expect(forecastOf([0, 300], 50, noon(5))?.range?.low).toBeGreaterThanOrEqual(50);
});

test("nothing is forecast from less than a day, and no range from one", () => {
  expect(forecastOf([], 3, noon(2))).toBeNull();
  expect(forecastOf([3], 3, noon(2))).toMatchObject({ range: null });
});

test("a month is that of UTC, and a year's last one ends with the year", () => {
  expect(monthOf(Date.parse("2026-12-01T00:30:00+01:00")).month).toBe("2026-11");
  expect(monthSpan("2026-12").until - monthSpan("2026-12").from).toBe(31 * DAY_MS);
});
