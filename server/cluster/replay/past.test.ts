/** What was is told the same however it is walked, and never in one go. */
import fc from "fast-check";
import { expect, it } from "vitest";
import type { Piece, Work } from "./history";
import { demandsOf, pastOf, played } from "./past";

const RANGE = { from: 100, to: 200 };
const NODES = ["a", "b", "c"];

/** What came of all steps, and how many there were. */
function walked<T>(steps: Iterator<void, T>): { value: T; steps: number } {
  for (let count = 0; ; count += 1) {
    const { done, value } = steps.next();
    if (done) return { value, steps: count };
  }
}

const END = fc.option(fc.integer({ min: 1, max: 120 }));
const PIECES = fc
  .array(
    fc.record({
      node: fc.nat(2),
      state: fc.constantFrom("active" as const, "idle" as const, "draining" as const),
      since: fc.integer({ min: 50, max: 199 }),
      lasts: END,
    }),
    { maxLength: 30 },
  )
  .map((all) =>
    all
      .map(
        ({ node, state, since, lasts }): Piece => ({
          ...{ nodeId: NODES[node] ?? "a", pool: `pool-${node}`, cpus: 4, gpus: 0, pricePerHour: 1, state },
          ...{ since, until: lasts && Math.max(RANGE.from, since) + lasts, decidedAt: null },
        }),
      )
      .sort((a, b) => a.since - b.since),
  );
const WORKS = fc
  .array(
    fc.record({
      nodes: fc.subarray(NODES),
      askedAt: fc.integer({ min: 50, max: 199 }),
      began: END,
      ran: END,
    }),
    { maxLength: 15 },
  )
  .map((all) =>
    all
      .map(({ nodes, askedAt, began, ran }): Work => {
        const beganAt = began && askedAt + began;
        return {
          ...{ kind: "run", isQueued: true, priority: "normal", parts: 1, cpus: 1, gpus: 0 },
          ...{
            askedAt,
            beganAt,
            nodeIds: nodes,
            endedAt: ran && Math.max(RANGE.from, beganAt ?? askedAt) + ran,
          },
        };
      })
      .sort((a, b) => a.askedAt - b.askedAt),
  );

it("whatever was, nodes are counted at each moment, and those that others kept busy are found", () => {
  fc.assert(
    fc.property(WORKS, PIECES, (works, pieces) => {
      const past = walked(pastOf(works, pieces, RANGE)).value;
      const overlaps = (piece: Piece, { nodeIds, askedAt, endedAt }: Work) =>
        nodeIds.includes(piece.nodeId) &&
        askedAt < (piece.until ?? RANGE.to) &&
        (endedAt ?? RANGE.to) > piece.since;
      expect(past.theirs).toEqual(
        pieces.filter((piece) => piece.state === "active" && !works.some((work) => overlaps(piece, work))),
      );
      const { course, pools, nodesAtMost } = walked(played(past, RANGE)).value;
      for (const { at, nodes } of course)
        expect(nodes).toBe(
          pieces.filter(
            ({ since, until }) => Math.max(since, RANGE.from) <= at && (until === null || until > at),
          ).length,
        );
      expect(course.map(({ at }) => at)).toEqual(
        [...new Set(course.map(({ at }) => at))].sort((a, b) => a - b),
      );
      expect(nodesAtMost).toBe(Math.max(...course.map(({ nodes }) => nodes)));
      const area = course.reduce(
        (sum, { at, nodes }, i) => sum + nodes * ((course[i + 1]?.at ?? RANGE.to) - at),
        0,
      );
      expect(area).toBe(pools.reduce((sum, { upMs }) => sum + upMs, 0));
    }),
  );
});

it("gives way after every piece and every work", () => {
  const [works = [], pieces = []] = [
    fc.sample(WORKS, { numRuns: 50, seed: 1 }).flat(),
    fc.sample(PIECES, { numRuns: 50, seed: 1 }).flat(),
  ];
  const { value: past, steps } = walked(pastOf(works, pieces, RANGE));
  expect(works.length + pieces.length).toBeGreaterThan(100);
  expect(steps).toBeGreaterThanOrEqual(works.length + pieces.length);
  expect(walked(demandsOf(past, RANGE)).steps).toBeGreaterThanOrEqual(works.length + pieces.length);
  expect(walked(played(past, RANGE)).steps).toBeGreaterThanOrEqual(works.length + 2 * pieces.length);
});
