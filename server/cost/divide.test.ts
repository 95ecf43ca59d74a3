import fc from "fast-check";
import { expect, test } from "vitest";
import { costOfPiece, divide, type Piece, type Share, type Taking } from "./divide";

const HOUR = 3_600_000;
const MONTH = { from: 0, until: 100 * HOUR };
const node = (over: Partial<Piece> = {}): Piece => ({
  ...{ node: "n1", pool: "cpu", cpus: 4, gpus: 0, pricePerHour: 1, from: 0, until: 10 * HOUR },
  ...over,
});
const takes = (
  work: string,
  cpus: number,
  from: number,
  until: number,
  over: Partial<Taking> = {},
): Taking => ({
  ...{
    kind: "train",
    work,
    teamId: "team_1",
    node: "n1",
    cpus,
    gpus: 0,
    from: from * HOUR,
    until: until * HOUR,
  },
  ...over,
});
const dollars = (shares: readonly Share[]) =>
  Object.fromEntries(shares.map(({ work, micros }) => [work || "idle", micros / 1e6]));
const sum = (shares: readonly Share[], of: "micros" | "nodeMs") =>
  shares.reduce((all, one) => all + one[of], 0);

test("a node's cost goes to what ran on it by what that took, and the rest idled", () => {
  const shares = divide([node()], [takes("a", 2, 0, 5), takes("b", 1, 4, 14)], MONTH);
  expect(dollars(shares)).toEqual({ a: 2.5, b: 1.5, idle: 6 });
});

test("what wants more than there is together takes proportionally less", () => {
  const gpus = node({ gpus: 1 });
  const shares = divide([gpus], [takes("a", 3, 0, 10), takes("b", 1, 0, 10, { gpus: 1 })], MONTH);
  expect(dollars(shares)).toMatchObject({
    a: expect.closeTo(10 * (0.75 / 1.75), 5),
    b: expect.closeTo(10 / 1.75, 5),
  });
});

test("ten thousand that ran at once took equal parts of their node", () => {
  const works = Array.from({ length: 10_000 }, (_, i) => takes(`run_${i}`, 2, 0, 10));
  const shares = divide([node({ pricePerHour: 1 })], works, MONTH);
  expect(shares).toHaveLength(10_000);
  expect(new Set(shares.map(({ micros }) => micros))).toEqual(new Set([1000]));
});

test("a node without a price costs nothing that is known, and says for how long", () => {
  const [share] = divide([node({ pricePerHour: null })], [takes("a", 4, 0, 10)], MONTH);
  expect(share).toMatchObject({ work: "a", micros: 0, nodeMs: 10 * HOUR, unpricedMs: 10 * HOUR });
});

const time = fc.integer({ min: -20 * HOUR, max: 120 * HOUR });
const span = fc.tuple(time, time).map(([a, b]) => ({ from: Math.min(a, b), until: Math.max(a, b) }));
const pieces = fc.array(
  fc.record({
    price: fc.option(fc.double({ min: 0, max: 90, noNaN: true })),
    cpus: fc.integer({ min: 1, max: 96 }),
    span,
  }),
  { maxLength: 8 },
);
const takings = fc.array(
  fc.record({
    work: fc.integer({ min: 0, max: 5 }),
    on: fc.integer({ min: 0, max: 9 }),
    cpus: fc.double({ min: 0.01, max: 64, noNaN: true }),
    span,
  }),
  { maxLength: 30 },
);
/** A replica that moves twice: on three nodes, one after the other, the last of which may be the first again. */
const moves = fc.record({
  at: fc.tuple(time, time, time, time).map((all) => all.sort((a, b) => a - b)),
  on: fc.tuple(fc.constantFrom(0, 1), fc.constantFrom(2, 3), fc.constantFrom(0, 1, 4)),
});
const movesOf = ({ at, on }: { at: readonly number[]; on: readonly number[] }, work: string) =>
  on.map((node, i) =>
    takes(work, 0.1, 0, 0, { kind: "replica", node: `n${node}`, from: at[i] ?? 0, until: at[i + 1] ?? 0 }),
  );
/** Each a node of its own; works may be on nodes that are not there. */
const world = fc.record({ pieces, takings, moves }).map((w) => ({
  pieces: w.pieces.map(({ price, cpus, span }, i) =>
    node({ node: `n${i}`, pool: `p${i % 3}`, pricePerHour: price, cpus, ...span }),
  ),
  takings: [
    ...w.takings.map(({ work, on, cpus, span }) =>
      takes(`run_${work}`, cpus, 0, 0, { node: `n${on}`, ...span }),
    ),
    ...movesOf(w.moves, "v1"),
  ],
}));
const cutTo = (piece: Piece, from: number, until: number) => ({
  ...piece,
  from: Math.max(piece.from, from),
  until: Math.min(piece.until, until),
});
const upIn = (all: readonly Piece[], from: number, until: number) =>
  all.map((piece) => cutTo(piece, from, until)).filter((piece) => piece.from < piece.until);

test("shares and idle are the nodes' cost to the last millionth, none below nothing, in whatever order they come", () => {
  fc.assert(
    fc.property(world, ({ pieces, takings }) => {
      const shares = divide(pieces, takings, MONTH);
      const up = upIn(pieces, MONTH.from, MONTH.until);
      expect(sum(shares, "micros")).toBe(up.reduce((all, piece) => all + costOfPiece(piece), 0));
      expect(sum(shares, "nodeMs")).toBe(up.reduce((all, { from, until }) => all + until - from, 0));
      expect(
        shares.every(({ micros, nodeMs, unpricedMs }) => micros >= 0 && nodeMs >= 0 && unpricedMs <= nodeMs),
      ).toBe(true);
      const turned = divide(pieces.toReversed(), takings.toReversed(), MONTH);
      for (const { pool, work, micros } of shares) {
        const same = turned.find((share) => share.pool === pool && share.work === work)?.micros ?? 0;
        // Whoever comes first where sums of fractions differ in the last bit.
        expect(Math.abs(same - micros)).toBeLessThanOrEqual(pieces.length * (1 + takings.length));
      }
    }),
    { numRuns: 200 },
  );
});

test("a replica that moves takes its share of each node for as long as it was there, and of one node at a time", () => {
  const all = [0, 1, 2, 3, 4].map((i) =>
    node({ node: `n${i}`, pool: `p${i}`, from: -20 * HOUR, until: 120 * HOUR }),
  );
  const window = { from: -20 * HOUR, until: 120 * HOUR };
  fc.assert(
    fc.property(moves, (moved) => {
      const pieces = movesOf(moved, "v1");
      const shares = divide(all, pieces, window).filter(({ work }) => work === "v1");
      const took = (of: readonly Taking[]) => of.reduce((ms, { from, until }) => ms + until - from, 0) / 40;
      expect(Math.abs(sum(shares, "nodeMs") - took(pieces))).toBeLessThanOrEqual(3);
      for (const { pool, nodeMs } of shares)
        expect(
          Math.abs(nodeMs - took(pieces.filter((one) => one.node === `n${pool.slice(1)}`))),
        ).toBeLessThan(1.5);
    }),
  );
});

test("a border of months cuts what crosses it, and loses nothing", () => {
  fc.assert(
    fc.property(world, fc.integer({ min: 1, max: 100 * HOUR - 1 }), ({ pieces, takings }, border) => {
      const whole = divide(pieces, takings, MONTH);
      const parts = [
        ...divide(pieces, takings, { from: MONTH.from, until: border }),
        ...divide(pieces, takings, { from: border, until: MONTH.until }),
      ];
      expect(sum(parts, "nodeMs")).toBe(sum(whole, "nodeMs"));
      expect(Math.abs(sum(parts, "micros") - sum(whole, "micros"))).toBeLessThanOrEqual(pieces.length);
    }),
    { numRuns: 100 },
  );
});
