import { expect, test } from "vitest";
import { type ChartSpec, momentOf, newestOf, seriesOf } from "./series";

const chart: ChartSpec = { name: "train/loss", title: "Loss", yLabel: "Loss", byRank: false };
const bucket = (step: number) => ({ step, ts: step * 10, n: 1, min: step, max: step, mean: step });

test("what counts is one line across attempts; what was done again is grey", () => {
  const lines = seriesOf(
    [
      { attempt: 1, rank: 0, isEarlier: false, buckets: [bucket(1), bucket(2)] },
      { attempt: 1, rank: 0, isEarlier: true, buckets: [bucket(3)] },
      { attempt: 2, rank: 0, isEarlier: false, buckets: [bucket(3), bucket(4)] },
    ],
    chart,
  );
  expect(lines.map((line) => [line.label, line.isEarlier, line.x])).toEqual([
    ["loss", false, [1, 2, 3, 4]],
    ["loss, attempt 1", true, [3]],
  ]);
});

test("values are scaled, and gaps stay gaps", () => {
  const buckets = [{ ...bucket(1), min: null, max: null, mean: null }, bucket(2)];
  const [line] = seriesOf([{ attempt: 1, rank: 0, isEarlier: false, buckets }], { ...chart, scale: 100 });
  expect(line?.y).toEqual([null, 200]);
});

test("the newest figure is the mean of what counts, weighted by the steps in each bucket", () => {
  expect(newestOf([])).toBeNull();
  expect(
    newestOf([
      { attempt: 1, rank: 0, isEarlier: true, buckets: [bucket(90)] },
      { attempt: 2, rank: 0, isEarlier: false, buckets: [{ ...bucket(4), n: 3 }, bucket(8)] },
    ]),
  ).toEqual({ mean: 5, n: 4, step: 8 });
});

test("a moment is that of the nearest bucket that counts", () => {
  expect(momentOf([], 5)).toBeNull();
  const kept = { attempt: 2, rank: 0, isEarlier: false, buckets: [bucket(1), bucket(8)] };
  const again = { attempt: 1, rank: 0, isEarlier: true, buckets: [bucket(6)] };
  expect(momentOf([kept, again], 6)).toBe(80);
});
