import { expect, test } from "vitest";
import { bakeGate, type Span } from "./bake";
import { ago, NOW } from "./lane-testing";

const span = (from: number, to: number | null, hasFired = false): Span => ({
  from: ago(from * 60),
  to: to === null ? null : ago(to * 60),
  hasFired,
});
const gate = (...spans: Span[]) => bakeGate(30, { version: 3, spans }, NOW);

test("it fails with how long is left until the version that serves has served for long enough", () => {
  expect(gate(span(12, null))).toMatchObject({
    state: "fail",
    blocks: true,
    value: "12 of 30 min",
    words: "v3 settles in 18 min.",
    until: new Date(NOW.getTime() + 18 * 60_000).toISOString(),
  });
  expect(gate(span(30, null))).toMatchObject({ state: "pass", blocks: false, until: null });
  expect(bakeGate(0, { version: 3, spans: [span(1, null)] }, NOW)).toBeNull();
});

test("all the times count that it served since its last alarm, so a rollback to what held waits for nothing", () => {
  expect(gate(span(2, null), span(90, 60))).toMatchObject({ state: "pass" });
  expect(gate(span(2, null), span(90, 60, true))).toMatchObject({ state: "fail", value: "2 of 30 min" });
});

test("nothing waits for what an alarm told of, and nothing where nothing serves", () => {
  expect(gate(span(2, null, true))).toMatchObject({ state: "pass", value: "an alarm fired on v3" });
  expect(bakeGate(30, null, NOW)).toMatchObject({ state: "not_measured", blocks: false });
});
