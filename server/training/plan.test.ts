import { describe, expect, test } from "vitest";
import { median, type PlanFacts, planLaunch } from "./plan";

const facts: PlanFacts = {
  trainSamples: 60_000,
  workers: 2,
  epochs: 1,
  globalBatch: 256,
  freeCpus: [],
  nodesToCome: 4,
  cpusPerNode: 1,
  launches: [],
  stepSeconds: [],
};

describe("planLaunch", () => {
  test("counts steps by the global batch", () => {
    expect(planLaunch(facts)).toMatchObject({ stepsPerEpoch: 235, steps: 235 });
    expect(planLaunch({ ...facts, epochs: 0.05 })).toMatchObject({ steps: 12 });
  });

  test.each([
    { freeCpus: [1, 1], nodesToCome: 0, state: "now", says: "It fits now: 2 CPUs wanted, 2 free." },
    {
      freeCpus: [0.5, 0.5],
      nodesToCome: 2,
      state: "after_scaling",
      says: "2 CPUs wanted, 0 free. 2 nodes would be started.",
    },
    {
      freeCpus: [1],
      nodesToCome: 1,
      state: "after_scaling",
      says: "2 CPUs wanted, 1 free. 1 node would be started.",
    },
    {
      freeCpus: [1],
      nodesToCome: 0,
      state: "never",
      says: "2 CPUs wanted, 1 free, and the pool is at its limit. It waits until others end; choose fewer workers to start sooner.",
    },
  ])("says whether it fits: $freeCpus free, $nodesToCome to come", ({ state, says, ...given }) => {
    expect(planLaunch({ ...facts, ...given }).fit).toEqual({ state, says });
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
