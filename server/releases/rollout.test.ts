import { expect, test } from "vitest";
import { begun, dueAt, mirroredOf, moved, type Rollout, weightOf } from "./rollout";
import { type Gradual, type Move, Strategy } from "./rollout-contract";

const NOW = new Date("2026-11-28T14:03:00Z");
const gradual = (input: unknown): Gradual => {
  const strategy = Strategy.parse(input);
  if (strategy.kind === "at_once") throw new Error("a strategy with steps was asked for");
  return strategy;
};
const canary = gradual({ kind: "canary", steps: [5, 25, 100], bakeMinutes: 10, auto: false });
const shadow = gradual({ kind: "shadow", percent: 20, minutes: 30 });
const at = (values: Partial<Rollout> = {}): Rollout => ({
  id: "rol_1",
  strategy: canary,
  phase: "canary",
  step: 0,
  isHeld: false,
  since: NOW,
  ...values,
});

test.each<[string, Rollout, Move, [string, number, boolean] | null]>([
  ["on to the next step", at(), "next", ["canary", 1, false]],
  ["from the last share to all of the traffic", at({ step: 1 }), "next", ["baking", 2, false]],
  ["from baking to done", at({ phase: "baking", step: 2 }), "next", ["done", 2, false]],
  ["a step back stays there", at({ step: 1 }), "back", ["canary", 0, true]],
  ["nothing before the first", at(), "back", null],
  ["held", at({ step: 1 }), "hold", ["canary", 1, true]],
  ["held once", at({ isHeld: true }), "hold", null],
  ["resumed", at({ isHeld: true }), "resume", ["canary", 0, false]],
  ["aborted", at({ isHeld: true }), "abort", ["aborted", 0, false]],
  ["aborted before it began", at({ phase: "preparing" }), "abort", ["aborted", 0, false]],
  ["what serves alone is rolled back instead", at({ phase: "baking", step: 2 }), "abort", null],
  [
    "a shadow leads to all of the traffic",
    at({ strategy: shadow, phase: "shadow" }),
    "next",
    ["done", 0, false],
  ],
  ["nothing before it is ready", at({ phase: "preparing" }), "next", null],
  ["an ended one stays ended", at({ phase: "aborted" }), "next", null],
])("%s", (_name, from, move, to) => {
  const found = moved(from, move);
  expect(found && [found.phase, found.step, found.isHeld]).toEqual(to);
});

test("shares follow the step, and a shadow answers nobody", () => {
  expect([at(), at({ step: 1 }), at({ phase: "baking", step: 2 })].map(weightOf)).toEqual([5, 25, 100]);
  const mirrored = at({ strategy: shadow, ...begun(shadow) });
  expect([weightOf(mirrored), mirroredOf(mirrored)]).toEqual([0, 20]);
});

test("only what was agreed goes on by itself", () => {
  const auto = gradual({ ...canary, auto: true });
  expect(dueAt(at())).toBeNull();
  expect(dueAt(at({ strategy: auto }))).toEqual(new Date("2026-11-28T14:13:00Z"));
  expect(dueAt(at({ strategy: auto, isHeld: true }))).toBeNull();
  expect(dueAt(at({ phase: "baking" }))).toEqual(new Date("2026-11-28T14:13:00Z"));
  expect(dueAt(at({ strategy: shadow, phase: "shadow" }))).toEqual(new Date("2026-11-28T14:33:00Z"));
});

test.each([[[5, 25]], [[25, 5, 100]], [[0, 100]], [[]], [[12.5, 100]]])("steps %j are refused", (steps) => {
  expect(Strategy.safeParse({ kind: "canary", steps, bakeMinutes: 10, auto: false }).success).toBe(false);
});
