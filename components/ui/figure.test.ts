import { expect, it } from "vitest";
import { DatasetTask } from "@/server/datasets/contract";
import { besideInWords, changedWords, figureOf, figuresOf } from "./figure";

it("names and writes the figure of each task", () => {
  const said = DatasetTask.options.map((task) => {
    const { name, axis, value, difference, half } = figureOf(task);
    return `${name} ${value(0.91234)}, ${difference(-0.0125)} ${half(0.0033)} | ${axis}`;
  });
  expect(said).toEqual([
    "Accuracy 91.23%, −1.25 pt ±0.33 | Accuracy, %",
    "Labels right 91.23%, −1.25 pt ±0.33 | Labels right, %",
    "R² 0.9123, −0.0125 ±0.0033 | R²",
    "Tokens right 91.23%, −1.25 pt ±0.33 | Tokens right, %",
    "Cosine fidelity 0.9123, −0.0125 ±0.0033 | Cosine fidelity",
  ]);
});

it("writes an R² below zero and what was not measured", () => {
  expect(figureOf("regression").value(-0.5)).toBe("−0.5000");
  expect(figureOf("regression").value(null)).toBe("not measured");
});

it("heads a column with the name that all figures have, or lets each say its own", () => {
  const read = (...tasks: (DatasetTask | null)[]) => {
    const { head, prefix } = figuresOf(tasks);
    return [head, ...tasks.flatMap((task) => (task ? [prefix(task)] : []))];
  };
  expect(read("regression", null, "regression")).toEqual(["R²", "", ""]);
  expect(read("classification", "regression")).toEqual(["Figure", "Accuracy ", "R² "]);
  expect(read(null)).toEqual(["Accuracy"]);
});

it("counts answers of single classes, and scores of everything else", () => {
  const changed = { gained: 1200, lost: 3 };
  expect(changedWords(changed, "classification")).toBe("1,200 answers gained, 3 lost");
  expect(changedWords(changed, "regression")).toBe("1,200 samples score higher, 3 lower");
});

it("tells figures beside the score as what they are", () => {
  expect(besideInWords({ name: "mae", value: 0.51234, baseline: 0.5 }, "v1")).toBe(
    "mean absolute error 0.5123 (v1: 0.5)",
  );
  expect(besideInWords({ name: "agreement", value: 0.987, baseline: null }, "v1")).toBe(
    "same largest output 98.70%",
  );
  expect(besideInWords({ name: "kl", value: 0.01234, baseline: null }, "v1")).toBe("output KL 0.0123 nats");
});
