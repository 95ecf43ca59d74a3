import fc from "fast-check";
import { expect, test } from "vitest";
import { agreement, mcnemarP, pairedDifference, pairedScores } from "./pairing";

const bits = (text: string) => Uint8Array.from(text, Number);
const classes = (...values: number[]) => {
  const buffer = Buffer.alloc(values.length * 4);
  for (const [i, value] of values.entries()) buffer.writeInt32LE(value, i * 4);
  return buffer;
};

test("McNemar's p is the exact binomial tail, and stays a number for many pairs", () => {
  expect(mcnemarP(3, 10)).toBeCloseTo((2 * (1 + 13 + 78 + 286)) / 2 ** 13, 12);
  expect(mcnemarP(0, 0)).toBe(1);
  expect(mcnemarP(5, 5)).toBe(1);
  // What gpu_worker.evaluate.mcnemar_p gives for the same counts.
  expect(mcnemarP(195, 212)).toBeCloseTo(0.42776049678393596, 12);
  expect(mcnemarP(4000, 4400)).toBeCloseTo(1.3353978213550463e-5, 14);
});

test("gained, lost and the interval are those of the samples that differ", () => {
  const found = pairedDifference(bits("1100110011"), bits("1110100011"));
  expect(found).toMatchObject({ n: 10, gained: 1, lost: 1, difference: 0, mcnemarP: 1 });
  expect(found.halfWidth).toBeCloseTo(1.959963984540054 * Math.sqrt(4 / 12 / 12), 12);
  expect(() => pairedDifference(bits("11"), bits("1"))).toThrow("cannot be paired");
});

test("a pair the other way round is the same with the sign turned", () => {
  const right = fc.array(fc.tuple(fc.nat({ max: 1 }), fc.nat({ max: 1 })), { maxLength: 200 });
  fc.assert(
    fc.property(right, (pairs) => {
      const [a, b] = [0, 1].map((side) => Uint8Array.from(pairs, (pair) => pair[side] ?? 0));
      if (!a || !b) throw new Error("two sides");
      const [one, other] = [pairedDifference(a, b), pairedDifference(b, a)];
      expect(one.difference).toBeCloseTo(-other.difference, 12);
      expect([one.gained, one.lost, one.halfWidth]).toEqual([other.lost, other.gained, other.halfWidth]);
      expect(one.mcnemarP).toBe(other.mcnemarP);
    }),
  );
});

test("agreement counts equal classes, and refuses lists of two lengths", () => {
  expect(agreement(classes(1, -2, 300), classes(1, 2, 300))).toEqual({ n: 3, same: 2 });
  expect(() => agreement(classes(1), classes(1, 2))).toThrow("cannot be compared");
});

const scores = (...values: number[]) => {
  const buffer = Buffer.alloc(values.length * 4);
  for (const [i, value] of values.entries()) buffer.writeFloatLE(value, i * 4);
  return buffer;
};

test("graded scores are paired as right and wrong are where they are nothing else", () => {
  const bit = fc.integer({ min: 0, max: 1 });
  fc.assert(
    fc.property(fc.array(fc.tuple(bit, bit), { minLength: 1, maxLength: 200 }), (pairs) => {
      const [before, after] = [pairs.map(([a]) => a), pairs.map(([, b]) => b)];
      const whole = pairedDifference(Uint8Array.from(before), Uint8Array.from(after));
      const found = pairedScores(scores(...before), scores(...after));
      expect(found.difference).toBeCloseTo(whole.difference, 12);
      expect(found.halfWidth).toBeCloseTo(whole.halfWidth, 12);
      expect([found.gained, found.lost, found.mcnemarP]).toEqual([whole.gained, whole.lost, null]);
    }),
  );
});

test("graded scores give the mean of their differences, and want one length", () => {
  const found = pairedScores(scores(0.5, 0.25, 1), scores(0.75, 0.25, 0.5));
  expect(found).toMatchObject({ n: 3, gained: 1, lost: 1 });
  expect(found.difference).toBeCloseTo(-0.25 / 3, 7);
  expect(() => pairedScores(scores(1), scores(1, 1))).toThrow(RangeError);
});
