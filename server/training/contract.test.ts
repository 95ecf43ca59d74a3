/** What a launch leaves out is as the contract says, and what does not fit names its field. */
import { describe, expect, it } from "vitest";
import { configurationOf } from "../runs/configuration";
import { TrainHyper, TrainSpec } from "../runs/contract";
import { LAUNCH_DEFAULTS, LaunchInput, MoreHyper } from "./contract";

const CHOSEN = { ...LAUNCH_DEFAULTS, versionId: "ver_4k2j9x0c7m1p5q8w", datasetId: "dts_4k2j9x0c7m1p5q8w" };
const problems = (over: object) =>
  LaunchInput.safeParse({ ...CHOSEN, ...over }).error?.issues.map((i) => [i.path.join("."), i.message]);

describe("LaunchInput", () => {
  it("fills in the defaults of the contract", () => {
    const parsed = LaunchInput.parse(CHOSEN);
    expect(MoreHyper.parse(parsed)).toEqual(MoreHyper.parse(TrainHyper.parse({})));
    expect(parsed.attempts).toBe(5);
  });

  it("names the field that does not fit", () => {
    expect(problems({ accumulate: 128 })).toBeUndefined();
    expect(problems({ accumulate: 129 })).toEqual([
      ["accumulate", "at most 128: a worker's share of a global batch of 256"],
    ]);
    expect(problems({ stallSeconds: -1, keepLast: 0 })).toEqual([
      ["stallSeconds", "at least 0"],
      ["keepLast", "at least 1"],
    ]);
    expect(problems({ clipNorm: 0 })).toEqual([["clipNorm", "above 0"]]);
    expect(problems({ lowerRateFactor: 1, attempts: 11 })).toEqual([
      ["lowerRateFactor", "at most 0.99"],
      ["attempts", "at most 10 attempts"],
    ]);
  });
});

describe("configurationOf", () => {
  /** As rows from before these choices hold it. */
  const old = {
    kind: "train",
    init: { from: "version", blob: "a".repeat(64) },
    teacher: null,
    keepMasks: true,
    precision: "fp32",
    recipe: null,
    baseline: null,
    dataset: {
      datasetId: CHOSEN.datasetId,
      name: "digits",
      files: [{ role: "data", format: "npz", sha256: "b".repeat(64), bytes: 1, name: "digits.npz" }],
      split: { kind: "seeded", seed: 7, testFraction: 0.25 },
      transform: { scale: 1, mean: 0, std: 1 },
    },
  };
  const names = (hyper: object, init: object = {}) =>
    configurationOf(TrainSpec.parse({ ...old, init: { ...old.init, ...init }, hyper }), {
      minWorkers: 1,
      workers: 1,
      cpus: 1,
      gpus: 0,
    });

  it("tells of what differs from the defaults, and of an old row nothing", () => {
    const usual = names({ epochs: 2, globalBatch: 64, lr: 0.1 }).map(([name]) => name);
    expect(usual).not.toContain("Schedule");
    expect(usual).not.toContain("Weights");
    const told = names(
      { schedule: "linear", accumulate: 4, onDivergence: "lower_rate", onOutOfMemory: "stop" },
      { weights: "fresh" },
    );
    expect(told).toContainEqual(["Schedule", "linear"]);
    expect(told).toContainEqual(["Micro-batches", "4 a step"]);
    expect(told).toContainEqual([
      "When it diverges",
      "back to a good checkpoint, rate × 0.5, at most 3 times",
    ]);
    expect(told).toContainEqual(["When memory runs out", "stop, say what fits"]);
    expect(told).toContainEqual(["Weights", "drawn anew by the seed"]);
    expect(told.map(([name]) => name)).not.toContain("Computes in");
  });
});
