import { describe, expect, it } from "vitest";
import { combinations, differences, valuesOf } from "./sweep";

describe("a field of a sweep", () => {
  it.each([
    ["0.003", [0.003]],
    ["1e-4, 0.001;0.01", [1e-4, 0.001, 0.01]],
    ["0.1 0.1", [0.1]],
    ["0..3", [0, 1, 2, 3]],
    ["1, 8..9", [1, 8, 9]],
    ["", [Number.NaN]],
    ["4..1", [Number.NaN]],
    ["fast, 1", [Number.NaN, 1]],
  ])("%j is %j", (typed, values) => {
    expect(valuesOf(typed)).toEqual(values);
  });

  it("holds no more than is needed to refuse it", () => {
    expect(valuesOf("0..999999999")).toHaveLength(65);
  });
});

describe("a sweep", () => {
  const typed = { epochs: "1", globalBatch: "256", lr: "0.1, 0.01", seed: "0..2" };

  it("combines each value with each of the others", () => {
    const settings = combinations(typed);
    expect(settings).toHaveLength(6);
    expect(settings[0]).toEqual({ epochs: 1, globalBatch: 256, lr: 0.1, seed: 0 });
    expect(settings[5]).toEqual({ epochs: 1, globalBatch: 256, lr: 0.01, seed: 2 });
    expect(combinations({ ...typed, lr: "0.1", seed: "0" })).toHaveLength(1);
  });

  it("names each run by what it does not share", () => {
    expect(differences(combinations({ ...typed, seed: "7" }))).toEqual(["lr 0.1", "lr 0.01"]);
    expect(differences(combinations(typed))[5]).toBe("lr 0.01, seed 2");
  });
});
