import { describe, expect, it } from "vitest";
import { axesOf, linesOf, lookOf, metricsOf, numberOf, propertyGroups } from "./comparison";
import type { ComparedRun } from "./types";

const run = (number: number, values: Partial<ComparedRun> = {}): ComparedRun => ({
  id: `run_${number}`,
  number,
  title: "Train",
  kind: "train",
  state: "succeeded",
  createdAt: new Date(0),
  seconds: 10,
  stepsAnEpoch: null,
  configuration: [],
  params: [],
  newest: [],
  ...values,
});

describe("properties", () => {
  const runs = [
    run(1, {
      configuration: [
        ["Seed", "1"],
        ["Epochs", "3"],
      ],
      params: [{ key: "lr", value: "0.1" }],
    }),
    run(2, {
      configuration: [
        ["Seed", "2"],
        ["Epochs", "3"],
        ["Masks", "kept"],
      ],
    }),
  ];

  it("part what differs from what is equal; what one run lacks differs", () => {
    expect(propertyGroups(runs)).toEqual([
      {
        title: "Configuration",
        differing: [
          { name: "Seed", values: ["1", "2"] },
          { name: "Masks", values: [null, "kept"] },
        ],
        equal: [{ name: "Epochs", values: ["3", "3"] }],
      },
      { title: "Logged parameters", differing: [{ name: "lr", values: ["0.1", null] }], equal: [] },
    ]);
  });

  it("become axes: numbers first, words at their places, too many words not at all", () => {
    const named = Array.from({ length: 13 }, (_, i) =>
      run(i + 1, {
        configuration: [
          ["Optimizer", i % 2 ? "sgd" : "adamw"],
          ["Code", `train.py, ${i}`],
          ["Learning rate", `${i / 10}, 3% warm-up`],
        ],
      }),
    );
    const axes = axesOf(named);
    expect(axes.map(({ name }) => name)).toEqual(["Learning rate", "Optimizer"]);
    expect(axes[0]?.values[3]).toBe(0.3);
    expect(axes[1]).toMatchObject({ words: ["adamw", "sgd"] });
    expect(axes[1]?.values.slice(0, 2)).toEqual([0, 1]);
  });

  it.each([
    ["0.05, 3% warm-up", 0.05],
    ["1e-4", 1e-4],
    ["-3", -3],
    ["12%", 12],
    ["3f9c2ab", null],
    ["adamw", null],
    ["", null],
  ])("%j begins with the number %j", (text, expected) => {
    expect(numberOf(text)).toBe(expected);
  });
});

it("lists metrics that most runs have first", () => {
  const loss = { name: "loss", step: 1, value: 1 };
  const runs = [run(1, { newest: [{ ...loss, name: "a" }, loss] }), run(2, { newest: [loss] })];
  expect(metricsOf(runs)).toEqual([
    { name: "loss", runs: 2 },
    { name: "a", runs: 1 },
  ]);
});

it("gives each of 24 runs a look of its own", () => {
  const looks = Array.from({ length: 24 }, (_, i) => JSON.stringify(lookOf(i)));
  expect(new Set(looks).size).toBe(24);
});

it("draws lines of runs in sight, over epochs only where a run knows them, in the look of its place", () => {
  const bucket = { x: 20, n: 1, min: 1, max: 3, mean: 2 };
  const lines = [1, 2, 3].map((number) => ({ run: number, buckets: [bucket] }));
  const runs = [run(1), run(2, { stepsAnEpoch: 10 }), run(3)];
  const byStep = linesOf(lines, runs, new Set([1]), "step");
  expect(byStep.map(({ key, x }) => [key, x])).toEqual([
    ["2", [20]],
    ["3", [20]],
  ]);
  const byEpoch = linesOf(lines, runs, new Set(), "epoch");
  expect(byEpoch.map(({ key, x, color }) => [key, x, color])).toEqual([["2", [2], lookOf(1).color]]);
});
