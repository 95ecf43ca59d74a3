import { describe, expect, test } from "vitest";
import { fitOf, median, type PlanFacts, planLaunch } from "./plan";

const node = (freeCpus: number, cpus = 1, gpus = 0) => ({ cpus, gpus, freeCpus, freeGpus: gpus });
const facts: PlanFacts = {
  trainSamples: 60_000,
  workers: 2,
  cpus: 1,
  gpus: 0,
  epochs: 1,
  globalBatch: 256,
  room: { nodes: [], toCome: [{ count: 4, cpus: 1, gpus: 0 }] },
  launches: [],
  stepSeconds: [],
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

describe("fitOf", () => {
  const two = { workers: 2, cpus: 1, gpus: 0 };
  test.each([
    ["now", two, [node(1), node(1)], [], "It fits: there is room for 2 such workers now."],
    ["now", { ...two, cpus: 0.5 }, [node(1)], [], "It fits: there is room for 2 such workers now."],
    [
      "after_scaling",
      two,
      [node(0.5), node(0.5)],
      [{ count: 2, cpus: 1, gpus: 0 }],
      "There is no room now; 2 nodes would be started.",
    ],
    [
      "after_scaling",
      { ...two, gpus: 1 },
      [node(8, 8, 1)],
      [
        { count: 9, cpus: 8, gpus: 0 },
        { count: 1, cpus: 8, gpus: 4 },
      ],
      "There is room for 1 such worker now; 1 node would be started.",
    ],
    [
      "waits",
      two,
      [node(1), node(0)],
      [],
      "There is room for 1 such worker now, and no node is left to start. It waits until others end; choose fewer workers to start sooner.",
    ],
    [
      "never",
      { ...two, workers: 9 },
      [node(1), node(0)],
      [{ count: 2, cpus: 1, gpus: 0 }],
      "This cluster never holds more than 4 such workers: choose fewer, or smaller ones.",
    ],
  ] as const)("%s: %o", (state, shape, nodes, toCome, says) => {
    expect(fitOf(shape, { nodes, toCome })).toEqual({ state, says });
  });
});

test("median is a value that happened", () => {
  expect(median([])).toBeNull();
  expect(median([3, 1])).toBe(1);
  expect(median([3, 1, 2])).toBe(2);
});
