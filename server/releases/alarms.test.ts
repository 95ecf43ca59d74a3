import { expect, test } from "vitest";
import { firing, readings, type Seen, type Window } from "./alarms";
import { AlarmRules } from "./rollout-contract";

const RULES = AlarmRules.parse({});
/** Windows up to 14:02:50 are complete. */
const NOW = new Date("2026-11-28T14:03:08Z");
const END = Date.parse("2026-11-28T14:02:50Z");

/** `errors[0]` is of the newest window. */
const windows = (requests: number, errors: number[], p99Us = 5_000): Window[] =>
  errors.map((n, i) => ({ at: new Date(END - i * 10_000), requests, errors: n, p99Us })).toReversed();
const quiet = windows(100, Array(9).fill(0));
const seen = (candidate: Window[], reference = quiet, shadow: Seen["shadow"] = null): Seen => ({
  candidate,
  reference,
  shadow,
});

test.each<[string, Seen, string | null]>([
  ["nothing counted", seen([]), null],
  ["all well", seen(windows(20, Array(9).fill(0))), null],
  ["errors that last", seen(windows(20, [2, 2, 2, 0, 0, 0])), "errors"],
  ["one window beyond is not yet a version", seen(windows(20, [4, 0, 0, 0, 0, 0])), null],
  ["too few requests say nothing", seen(windows(5, [5, 5, 5])), null],
  ["as bad as what it replaces", seen(windows(20, [2, 2, 2, 2, 2, 2]), windows(100, Array(9).fill(8))), null],
  ["twice as slow in two windows", seen(windows(60, [0, 0], 10_000)), "latency"],
  ["twice as slow in one", seen([...windows(60, [0, 0]).slice(0, 1), ...windows(60, [0], 10_000)]), null],
  ["almost twice as slow", seen(windows(60, [0, 0], 9_900)), null],
  ["another answer too often", seen([], quiet, { compared: 100, agreed: 94 }), "agreement"],
  ["few compared", seen([], quiet, { compared: 99, agreed: 0 }), null],
  ["enough alike", seen([], quiet, { compared: 100, agreed: 95 }), null],
])("%s", (_name, counts, rule) => {
  expect(firing(RULES, counts, NOW)?.rule ?? null).toBe(rule);
});

test("a window that gateways may still write to is not looked at", () => {
  const candidate = windows(60, [60, 60]);
  expect(firing(RULES, seen(candidate), new Date(END + 10_000))).toBeNull();
  expect(firing(RULES, seen(candidate), new Date(END + 17_000))?.rule).toBe("errors");
});

test("what serves alone is compared with the last that was counted of the other", () => {
  const long = quiet.map((w) => ({ ...w, at: new Date(w.at.getTime() - 600_000) }));
  const fired = firing(RULES, seen(windows(60, [0, 0], 10_000), long), NOW);
  expect(fired).toMatchObject({ rule: "latency", words: "p99 10 ms, the other version 5 ms" });
});

test("each rule tells where it stands", () => {
  const [errors, latency] = readings(RULES, seen(windows(20, [2, 0, 0])), NOW);
  expect(errors).toMatchObject({
    words: "3.3% of 60 requests, the other version 0%",
    beyond: 1,
    fires: false,
  });
  expect(latency).toMatchObject({ value: null, words: "too few requests in 10 s" });
});
