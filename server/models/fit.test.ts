import { describe, expect, it } from "vitest";
import { answersClasses, takesSamples } from "./contract";

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
    expect(answersClasses(tensor(...shape), classes)).toBe(answers),
  );
});
