import { describe, expect, test } from "vitest";
import { cellsOf, slowRank } from "./heat";
import type { Line } from "./metrics";

const line = (rank: number, means: (number | null)[], isEarlier = false): Line => ({
  rank,
  attempt: 1,
  isEarlier,
  buckets: means.map((mean, at) => ({
    step: at * 10 + 9,
    ts: 1000 * at,
    n: 10,
    min: mean,
    max: mean,
    mean,
    last: mean,
  })),
});

describe("cellsOf", () => {
  test("gives each rank equally wide cells, empty where nothing was logged", () => {
    const rows = cellsOf([line(1, [4, 4]), line(0, [2, 4, 6, 8])], 0, 39, 2);
    expect(rows).toEqual([
      { rank: 0, values: [3, 7] },
      { rank: 1, values: [4, null] },
    ]);
  });

  test("leaves out what a later attempt did again", () => {
    expect(cellsOf([line(0, [1, 1]), line(0, [9, 9], true)], 0, 19, 1)).toEqual([{ rank: 0, values: [1] }]);
  });
});

describe("slowRank", () => {
  test("names the rank that holds the others up, since when, and what it cost", () => {
    const found = slowRank([
      line(0, [100, 100, 101, 100, 100]),
      line(1, [99, 100, 400, 400, 400]),
      line(2, [101, 100, 100, 100, 100]),
    ]);
    expect(found).toMatchObject({ rank: 1, own: 400, since: { step: 29, ts: 2000 }, step: 49 });
    expect(found?.secondsLost).toBeCloseTo(9, 1);
  });

  test.each([
    ["a single rank", [line(0, [100, 900, 900, 900])]],
    ["one spike", [line(0, [100, 100, 100, 900]), line(1, [100, 100, 100, 100])]],
    ["a rank that has recovered", [line(0, [900, 900, 900, 100]), line(1, [100, 100, 100, 100])]],
    ["small differences", [line(0, [110, 110, 110, 110]), line(1, [100, 100, 100, 100])]],
    ["steps that only one has", [line(0, [900, 900, 900, 900]), line(1, [null, null, null, null])]],
  ])("says nothing of %s", (_, lines) => {
    expect(slowRank(lines)).toBeNull();
  });
});
