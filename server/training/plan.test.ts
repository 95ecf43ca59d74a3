import { describe, expect, test } from "vitest";
import { median, type PlanFacts, planLaunch } from "./plan";

const facts: PlanFacts = {
  trainSamples: 60_000,
  epochs: 1,
  globalBatch: 256,
  fit: { state: "now", says: "It fits." },
  launches: [],
  stepSeconds: [],
  costsPerHour: null,
};

describe("planLaunch", () => {
  test("counts steps by the global batch", () => {
    expect(planLaunch(facts)).toMatchObject({ stepsPerEpoch: 235, steps: 235 });
    expect(planLaunch({ ...facts, epochs: 0.05 })).toMatchObject({ steps: 12 });
  });

  test("predicts only from runs like it", () => {
    expect(planLaunch(facts)).toMatchObject({ startsInSeconds: null, takesSeconds: null, fromRuns: 0 });
    expect(planLaunch({ ...facts, launches: [5, 4, 9], stepSeconds: [0.1, 0.2, 0.3] })).toMatchObject({
      startsInSeconds: 5,
      takesSeconds: 47,
      fromRuns: 3,
    });
  });
});

test("median is a value that happened", () => {
  expect(median([])).toBeNull();
  expect(median([3, 1])).toBe(1);
  expect(median([3, 1, 2])).toBe(2);
});
