/** Which checkpoints stay. */
import { expect, it } from "vitest";
import { whyKept } from "./checkpoints";

const stored = (accuracies: Record<number, number | null>) =>
  Object.entries(accuracies).map(([step, accuracy]) => ({
    id: step,
    step: Number(step),
    metrics: accuracy === null ? {} : { "eval/accuracy": accuracy },
  }));
const kept = (accuracies: Record<number, number | null>, keepLast: number, keepEverySteps = 0) =>
  Object.fromEntries(whyKept(stored(accuracies), { keepLast, keepEverySteps }));

it("keeps the newest, the best of those that were judged, and every n-th", () => {
  const all = { 25: null, 50: 0.9, 75: null, 100: 0.8, 125: null, 150: 0.7 };
  expect(kept(all, 2)).toEqual({ 150: ["newest"], 125: ["recent"], 50: ["best, accuracy 90.0%"] });
  expect(kept(all, 1, 100)).toEqual({
    150: ["newest"],
    50: ["best, accuracy 90.0%"],
    100: ["every 100 steps"],
  });
});

it("prefers the newer of two that are as good, and says all that speaks for one", () => {
  expect(kept({ 50: 0.9, 100: 0.9, 110: null }, 1, 50)).toEqual({
    110: ["newest"],
    100: ["best, accuracy 90.0%", "every 50 steps"],
    50: ["every 50 steps"],
  });
  expect(kept({}, 3)).toEqual({});
});
