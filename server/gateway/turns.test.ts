import { expect, test } from "vitest";
import { Turns } from "./turns";

const taken = (turns: Turns, n: number): number[] => Array.from({ length: n }, () => turns.next());

test.each([[[5, 95]], [[50, 50]], [[25, 75]], [[1, 99]], [[33, 33, 34]]])(
  "shares of %j are exact in 100",
  (weights) => {
    const turns = new Turns(weights);
    for (let round = 0; round < 3; round += 1) {
      const here = taken(turns, 100);
      expect(weights.map((_, i) => here.filter((x) => x === i).length)).toEqual(weights);
    }
  },
);

test("a share is spread, not bunched", () => {
  const at = taken(new Turns([5, 95]), 200).flatMap((x, i) => (x === 0 ? [i] : []));
  const gaps = at.slice(1).map((x, i) => x - (at[i] ?? 0));
  expect(new Set(gaps)).toEqual(new Set([20]));
});

test("weight 0 has no turn, and equal weights go on where they were", () => {
  expect(new Set(taken(new Turns([0, 100]), 50))).toEqual(new Set([1]));
  const turns = new Turns([5, 95]);
  expect(Turns.of([5, 95], turns)).toBe(turns);
  expect(Turns.of([25, 75], turns)).not.toBe(turns);
});
