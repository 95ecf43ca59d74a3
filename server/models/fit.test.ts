import { describe, expect, it } from "vitest";
import { answersTask, takesSamples } from "./contract";

const tensor = (...shape: (number | null)[]) => [{ name: "t", dtype: "float32", shape }];

describe("a version takes samples", () => {
  it.each([
    [[8, 6], [null, 1, 8, 6], true],
    [[8, 6], [null, 8, 6, 1], true],
    [[8, 6], [null, 48], true],
    [[8, 6, 3], [null, 3, 8, 6], true],
    [[3, 8, 6], [null, 8, 6, 3], true],
    [[48], [null, 1, 8, 6], true],
    [[3, 8, 6], [null, 3, null, null], true],
    [[4], [null, 4], true],
    [[4], [null, 5], false],
    [[4], [null, null, 4], false],
    [[8, 6], [null, 3, 8, 6], false],
    [[8, 6], [null, 1, 6, 8], false],
    [[8, 6], [null, 1, null, 7], false],
  ])("%j for %j: %s", (shape, wanted, fits) => expect(takesSamples(tensor(...wanted), shape)).toBe(fits));

  it("of no input takes none", () => expect(takesSamples([], [4])).toBe(false));
});

describe("a version answers classes", () => {
  it.each([
    [[null, 10], 10, true],
    [[null, 10], 11, false],
    [[null, null], 11, true],
    [[null], 3, true],
  ])("%j for %d: %s", (shape, classes, answers) =>
    expect(answersTask(tensor(...shape), { task: "classification", classes, labelShape: [] })).toBe(answers),
  );
});

describe("a version answers other labels", () => {
  it.each([
    ["multilabel", [null, 3], 3, [3], true],
    ["multilabel", [null, 4], 3, [3], false],
    ["regression", [null], 0, [1], true],
    ["regression", [null, 2], 0, [2], true],
    ["regression", [null, 10], 0, [1], false],
    ["tokens", [null, 12, 5], 5, [12], true],
    ["tokens", [null, null, 5], 4, [12], true],
    ["tokens", [null, 5], 5, [12], false],
    ["tokens", [null, 10, 5], 5, [12], false],
    ["unlabelled", [null, 84, 8400], 0, [], true],
  ] as const)("%s by %j: %s", (task, shape, classes, labelShape, answers) =>
    expect(answersTask(tensor(...shape), { task, classes, labelShape })).toBe(answers),
  );
});
