import fc from "fast-check";
import { expect, it } from "vitest";
import { inOrder, judge, type Point, play } from "./judge";
import { type Condition, PreviewRule, RuleDraft } from "./rule-contract";

const NOW = 1_800_000_000_000;
const MINUTE = 60_000;
const STALE = 3 * MINUTE;
const above: Condition = { kind: "threshold", side: "above", value: 90, minutes: 5, clear: 80 };
/** One a minute, the last of them now. */
const minutes = (...values: number[]): Point[] =>
  values.map((value, i) => ({ at: NOW - (values.length - 1 - i) * MINUTE, value }));
const look = (condition: Condition, points: Point[], isHeld = false) =>
  judge(condition, { points: inOrder(points), bornAt: 0, staleMs: STALE }, NOW, isHeld);

it.each<[string, Condition, Point[], boolean, boolean]>([
  ["above for long enough", above, minutes(95, 95, 95, 95, 95, 95), false, true],
  ["above for a moment", above, minutes(50, 95, 95, 95, 95, 95), false, false],
  ["at the value", above, minutes(90, 90, 90, 90, 90, 90), false, false],
  ["within the band, and it fired", above, minutes(95, 85), true, true],
  ["within the band, and it did not", above, minutes(85, 85, 85, 85, 85, 85), false, false],
  ["back at its clearing value", above, minutes(95, 80), true, false],
  ["above before a gap", above, [...minutes(95, 95), { at: NOW - 20 * MINUTE, value: 95 }], false, false],
  ["not heard for four minutes", above, [{ at: NOW - 4 * MINUTE, value: 99 }], true, false],
  [
    "rising by enough",
    { kind: "rate", direction: "rises", by: 10, minutes: 5 },
    minutes(1, 3, 5, 7, 9, 12),
    false,
    true,
  ],
  [
    "rising too slowly",
    { kind: "rate", direction: "rises", by: 10, minutes: 5 },
    minutes(1, 3, 5, 7, 9, 11),
    false,
    false,
  ],
  [
    "falling by enough",
    { kind: "rate", direction: "falls", by: 10, minutes: 5 },
    minutes(12, 9, 7, 5, 3, 1),
    false,
    true,
  ],
  [
    "still rising by half",
    { kind: "rate", direction: "rises", by: 10, minutes: 5 },
    minutes(1, 3, 5, 7, 7, 7),
    true,
    true,
  ],
  [
    "begun a moment ago",
    { kind: "rate", direction: "rises", by: 10, minutes: 5 },
    minutes(1, 99),
    false,
    false,
  ],
  ["absent", { kind: "absence", minutes: 5 }, [{ at: NOW - 6 * MINUTE, value: 1 }], false, true],
  ["there", { kind: "absence", minutes: 5 }, [{ at: NOW - 4 * MINUTE, value: 1 }], false, false],
])("a series that is %s", (_, condition, points, isHeld, expected) => {
  expect(look(condition, points, isHeld) !== null).toBe(expected);
});

const series = fc.array(
  fc.record({
    at: fc.integer({ min: NOW - 30 * MINUTE, max: NOW }),
    value: fc.double({ min: 0, max: 100, noNaN: true }),
  }),
  { maxLength: 40 },
);
const conditions = fc.constantFrom<Condition>(
  above,
  { kind: "threshold", side: "below", value: 20, minutes: 3, clear: 30 },
  { kind: "rate", direction: "falls", by: 5, minutes: 4 },
  { kind: "absence", minutes: 3 },
);

it("within the band it stays what it was, whatever comes", () => {
  const band = fc.array(fc.double({ min: 80, max: 90, minExcluded: true, noNaN: true }), {
    minLength: 1,
    maxLength: 60,
  });
  fc.assert(
    fc.property(band, fc.boolean(), (values, fires) => {
      const before = fires ? [95, 95, 95, 95, 95, 95] : [50];
      const points = inOrder(minutes(...before, ...values));
      const from = points[0]?.at ?? NOW;
      const spans = play(above, { points, bornAt: 0, staleMs: STALE }, from, NOW);
      expect(spans.map(({ to }) => to)).toEqual(fires ? [null] : []);
    }),
  );
});

it("order and repetition of points don't matter", () => {
  fc.assert(
    fc.property(series, conditions, fc.boolean(), (points, condition, isHeld) => {
      const again = [...points, ...points].reverse();
      expect(look(condition, again, isHeld)).toEqual(look(condition, points, isHeld));
    }),
  );
});

it("absence and threshold of one series don't both fire", () => {
  fc.assert(
    fc.property(series, fc.boolean(), fc.integer({ min: 3, max: 20 }), (points, isHeld, lasting) => {
      const absent = look({ kind: "absence", minutes: lasting }, points, isHeld);
      const beyond = look(
        { kind: "threshold", side: "above", value: 0, minutes: 0, clear: null },
        points,
        isHeld,
      );
      expect(absent !== null && beyond !== null).toBe(false);
    }),
  );
});

it("played over a day it tells when it would have fired and when that would have been over", () => {
  const points = Array.from({ length: 60 }, (_, i) => ({
    at: NOW + i * MINUTE,
    value: i >= 10 && i < 30 ? 95 : 50,
  }));
  const spans = play(above, { points, bornAt: NOW, staleMs: STALE }, NOW, NOW + 59 * MINUTE);
  expect(spans).toEqual([{ from: NOW + 15 * MINUTE, to: NOW + 30 * MINUTE }]);
});

it.each<[string, object, string, RegExp]>([
  ["clear on the wrong side", { condition: { ...above, clear: 95 } }, "condition.clear", /at or below 90/],
  ["an unknown series", { series: "node.warp" }, "series", /no series node\.warp/],
  [
    "absence shorter than the interval",
    { condition: { kind: "absence", minutes: 2 } },
    "condition.minutes",
    /at least 3 min/,
  ],
  [
    "absence of what is always known",
    { series: "gateway.requests", condition: { kind: "absence", minutes: 9 } },
    "series",
    /never absent/,
  ],
  ["a metric without a name", { series: "run.metric" }, "metric", /train\/loss/],
])("a rule with %s is refused by its field", (_, change, path, message) => {
  const draft = { series: "node.disk", metric: null, subject: null, condition: above, ...change };
  const issues = PreviewRule.safeParse(draft).error?.issues ?? [];
  expect(issues.map((issue) => issue.path.join("."))).toEqual([path]);
  expect(issues[0]?.message).toMatch(message);
  expect(RuleDraft.safeParse({ ...draft, name: "Disk", severity: "bad", webhooks: null }).success).toBe(
    false,
  );
});
