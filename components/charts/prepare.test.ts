import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  decimate,
  domainOf,
  nearestIndex,
  runs,
  spread,
  tickDigits,
  ticks,
  timeTicks,
  toCsv,
  withGaps,
} from "./prepare";

const finite = fc.double({ min: -1e6, max: 1e6, noNaN: true });
const series = fc
  .uniqueArray(fc.integer({ min: 0, max: 5000 }), { minLength: 1, maxLength: 400 })
  .map((xs) => xs.sort((a, b) => a - b))
  .chain((x) =>
    fc.record({
      x: fc.constant(x),
      y: fc.array(fc.option(finite), { minLength: x.length, maxLength: x.length }),
    }),
  );

it("a domain holds its values however few marks it may have", () => {
  const [low, high] = domainOf([52, 456], [0], 1);
  expect(low).toBe(0);
  expect(high).toBeGreaterThanOrEqual(456);
});

describe("axes", () => {
  it("puts round ticks inside the domain, ascending and never more than asked for", () => {
    fc.assert(
      fc.property(
        finite,
        fc.double({ min: 1e-3, max: 1e6, noNaN: true }),
        fc.integer({ min: 2, max: 9 }),
        (min, span, n) => {
          const values = ticks([min, min + span], n);
          expect(values.length).toBeLessThanOrEqual(n);
          expect(values).toEqual([...values].sort((a, b) => a - b));
          for (const value of values) {
            expect(value).toBeGreaterThanOrEqual(min - span * 1e-6);
            expect(value).toBeLessThanOrEqual(min + span * (1 + 1e-6));
          }
        },
      ),
    );
    expect(ticks([0, 90], 5)).toEqual([0, 20, 40, 60, 80]);
    expect(ticks([80, 92], 5)).toEqual([80, 85, 90]);
  });

  it("writes as many decimals as tell ticks apart", () => {
    expect(tickDigits([0, 0.25, 0.5])).toBe(2);
    expect(tickDigits([0, 0.1, 0.2])).toBe(1);
    expect(tickDigits([0, 20, 40])).toBe(0);
  });

  it("holds every value and every limit, and leaves gaps out", () => {
    fc.assert(
      fc.property(fc.array(fc.option(finite)), fc.array(finite, { maxLength: 3 }), (values, include) => {
        const [min, max] = domainOf(values, include);
        expect(max).toBeGreaterThan(min);
        const slack = (max - min) * 1e-6;
        for (const value of [...values, ...include]) {
          if (value === null) continue;
          expect(value).toBeGreaterThanOrEqual(min - slack);
          expect(value).toBeLessThanOrEqual(max + slack);
        }
      }),
    );
    expect(domainOf([null, null])).toEqual([0, 1]);
  });
});

describe("what is not known stays a gap", () => {
  it("never joins points across a null", () => {
    const joined = runs([1, 2, null, 4, Number.NaN, 6].map((y, x) => ({ x, y })));
    expect(joined.map((run) => run.map((point) => point.y))).toEqual([[1, 2], [4], [6]]);
  });

  it("opens a gap where samples are missing, and keeps every sample", () => {
    const { x, y } = withGaps({ x: [0, 1, 2, 10, 11], y: [5, 5, 5, 7, 7] }, 2);
    expect(x).toEqual([0, 1, 2, 3, 10, 11]);
    expect(y).toEqual([5, 5, 5, null, 7, 7]);
  });

  it("writes a gap as an empty field, not as 0", () => {
    expect(toCsv(["step", "loss"], [[1, null]])).toBe("step,loss\r\n1,\r\n");
  });
});

describe("decimation", () => {
  it("keeps the least and the greatest value of the whole series at any width", () => {
    fc.assert(
      fc.property(series, fc.integer({ min: 1, max: 800 }), ({ x, y }, width) => {
        const domain = [x[0] ?? 0, x.at(-1) ?? 0] as const;
        const buckets = decimate({ x, y }, domain, width);
        const known = y.filter((value) => value !== null);
        const least = buckets.flatMap((bucket) => (bucket.min === null ? [] : [bucket.min]));
        const greatest = buckets.flatMap((bucket) => (bucket.max === null ? [] : [bucket.max]));
        expect(buckets.length).toBeLessThanOrEqual(width + 1);
        expect(known.length === 0).toBe(least.length === 0);
        if (known.length > 0) {
          expect(Math.min(...least)).toBe(Math.min(...known));
          expect(Math.max(...greatest)).toBe(Math.max(...known));
        }
        for (const { min, mean, max } of buckets) {
          if (min === null || mean === null || max === null) continue;
          expect(mean).toBeGreaterThanOrEqual(min - 1e-3);
          expect(mean).toBeLessThanOrEqual(max + 1e-3);
        }
      }),
    );
  });

  it("leaves out what lies beyond the zoom", () => {
    const shown = decimate({ x: [0, 5, 10, 15], y: [9, 1, 2, 9] }, [4, 11], 100);
    expect(shown.map((bucket) => bucket.max)).toEqual([1, 2]);
  });
});

it("finds the closest sample", () => {
  fc.assert(
    fc.property(series, fc.integer({ min: -10, max: 6000 }), ({ x }, at) => {
      const found = x[nearestIndex(x, at)] ?? Number.NaN;
      for (const other of x) expect(Math.abs(found - at)).toBeLessThanOrEqual(Math.abs(other - at));
    }),
  );
  expect(nearestIndex([], 3)).toBe(-1);
});

it("quotes what a spreadsheet would split or run", () => {
  expect(toCsv(["a,b", 'say "x"'], [["=1+1", 2]])).toBe('"a,b","say ""x"""\r\n\'=1+1,2\r\n');
});

it("pushes labels apart, and up from the end of their room", () => {
  expect(spread([10, 12, 40], 14)).toEqual([10, 24, 40]);
  expect(spread([10, 90, 95], 14, 100)).toEqual([10, 86, 100]);
  expect(spread([98, 99, 99], 14, 100)).toEqual([72, 86, 100]);
  expect(spread([], 14, 100)).toEqual([]);
});

it.each([
  ["ten minutes", 10 * 60_000, 2 * 60_000],
  ["a day", 86_400_000, 4 * 3_600_000],
  ["a week", 7 * 86_400_000, 86_400_000],
  ["a month", 30 * 86_400_000, 5 * 86_400_000],
])("ticks of %s are round times", (_, span, step) => {
  const from = Date.UTC(2026, 10, 22, 2, 13, 19);
  const at = timeTicks([from, from + span]);
  expect(at.every((tick) => tick % step === 0 && tick >= from && tick <= from + span)).toBe(true);
  expect(at.length).toBe(Math.floor((from + span) / step) - Math.floor(from / step));
  expect(at.length).toBeLessThanOrEqual(7);
});
