import fc from "fast-check";
import { expect, it } from "vitest";
import { comparePoints, MOST_POINTS, merge, ordered, type Part, type Point, pack, unpack } from "./chunk";

const Few: fc.Arbitrary<Point> = fc.record({
  step: fc.integer({ min: 0, max: 63 }),
  ts: fc.integer({ min: 0, max: 3 }),
  value: fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 1, -1),
});
const largest = Number.MAX_SAFE_INTEGER;

it("a packed point is what it was: NaN, infinities, the smallest and largest, steps and moments up to 2^53", () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ step: fc.maxSafeNat(), ts: fc.maxSafeInteger(), value: fc.double() })),
      (points) => {
        const all = [...points, { step: largest, ts: largest, value: Number.MIN_VALUE }];
        expect(unpack(pack(all))).toEqual(all);
      },
    ),
  );
});

/** What the store reads for points that arrive: the parts from the one before the first of them on. */
const asRead = (parts: readonly Part[], first: Point): Part[] => {
  const before = parts.findLastIndex(({ points }) => {
    const last = points.at(-1);
    return last && (last.step - first.step || last.ts - first.ts) < 0;
  });
  return parts.slice(Math.max(0, before));
};

it("whatever arrives in whatever order, parts follow one another, hold each point once and tell what was new", () => {
  fc.assert(
    fc.property(fc.array(fc.array(Few, { minLength: 1, maxLength: 150 }), { maxLength: 8 }), (batches) => {
      const parts: Part[] = [];
      let known: Point[] = [];
      for (const batch of batches) {
        const incoming = ordered(batch);
        const [first] = incoming;
        if (!first) continue;
        const { changed, added } = merge(asRead(parts, first), incoming);
        for (const part of changed) parts[part.part] = part;
        expect(added).toEqual(incoming.filter((p) => !known.some((other) => comparePoints(p, other) === 0)));
        known = ordered([...known, ...batch]);
        expect(parts.flatMap(({ points }) => points)).toEqual(known);
        expect(merge(asRead(parts, first), incoming)).toEqual({ changed: [], added: [] });
      }
    }),
  );
});

it("what is appended rewrites the last part alone, and fills it before the next", () => {
  let parts: Part[] = [];
  for (let ts = 0; ts < 200; ts += 1) {
    const { changed } = merge(parts.slice(-1), [{ step: 0, ts, value: 0 }]);
    expect(changed).toHaveLength(ts % MOST_POINTS === 0 && ts > 0 ? 2 : 1);
    parts = [...parts.slice(0, -1), ...changed];
  }
  expect(parts.map(({ points }) => points.length)).toEqual([64, 64, 64, 8]);
});
