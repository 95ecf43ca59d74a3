import { expect, it } from "vitest";
import { liveTable, placesOf, valueAt } from "./live-data";

const series = (x: number[], y: (number | null)[]) => ({ key: "a", label: "a", color: "red", x, y });

it("keeps a spike of one step in the band of any zoom", () => {
  const x = Array.from({ length: 10_000 }, (_, step) => step);
  const spiky = series(
    x,
    x.map((step) => (step === 4321 ? 99 : 1)),
  );
  for (const width of [50, 300, 900]) {
    const [xs = [], , max = []] = liveTable([spiky], [0, 9999], width);
    expect(xs.length).toBeLessThanOrEqual(width / 2 + 1);
    expect(Math.max(...[...max].map(Number))).toBe(99);
  }
});

it("uses the least and greatest of a series that the server reduced", () => {
  const reduced = { ...series([0, 100], [1, 2]), min: [0.5, 1], max: [7, 3] };
  expect(liveTable([reduced], [0, 100], 600)).toEqual([
    [0, 100],
    [0.5, 1],
    [7, 3],
    [1, 2],
  ]);
});

it("leaves a gap a gap, and does not make one where only another series has a point", () => {
  const table = liveTable(
    [series([0, 1, 2], [1, null, 3]), { ...series([0.5], [9]), isEarlier: true }],
    [0, 2],
    600,
  );
  const [x, , , mean, earlier] = table;
  expect(x).toEqual([0, 0.5, 1, 2]);
  expect(mean).toEqual([1, undefined, null, 3]);
  expect(earlier).toEqual([undefined, 9, undefined, undefined]);
});

it("names the columns of each series as they stand in the table", () => {
  const all = [series([0], [1]), { ...series([0], [2]), isEarlier: true }, series([0], [3])];
  const table = liveTable(all, [0, 1], 100);
  expect(placesOf(all).map(({ mean }) => table[mean]?.[0])).toEqual([1, 2, 3]);
});

it("has one column for a series without a band", () => {
  const all = [{ ...series([0], [1]), hasBand: false }, series([0], [3])];
  const table = liveTable(all, [0, 1], 100);
  expect(table).toHaveLength(1 + 1 + 3);
  expect(placesOf(all).map(({ mean, band }) => [table[mean]?.[0], band !== undefined])).toEqual([
    [1, false],
    [3, true],
  ]);
});

it("knows nothing between samples that are far apart", () => {
  expect(valueAt(series([0, 1, 2, 3], [5, 6, 7, 8]), 1.4)).toBe(6);
  expect(valueAt(series([0, 1, 2, 3], [5, 6, 7, 8]), 50)).toBeNull();
});
