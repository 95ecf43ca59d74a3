import { expect, it } from "vitest";
import type { DatasetTask } from "@/server/datasets/contract";
import { evaluationResult } from "@/server/models/testing/examples";
import { forestRows, verdictWords } from "./evidence";

const paired = { n: 400, gained: 90, lost: 110, difference: -0.0041, halfWidth: 0.0062, mcnemarP: null };
const of = (task: DatasetTask, perClass: typeof evaluationResult.perClass = []) =>
  forestRows({ ...evaluationResult, task, paired, perClass }, ["roof", "tree"]);

it("draws a share in points, all classes or labels above each of them", () => {
  const perClass = [{ label: 1, n: 200, correct: 150, gained: 10, lost: 20 }];
  expect(of("classification", perClass)).toMatchObject([
    {
      label: "All classes",
      difference: expect.closeTo(-0.41, 9),
      half: expect.closeTo(0.62, 9),
      isMain: true,
    },
    { label: "tree", n: 200, difference: -5 },
  ]);
  expect(of("multilabel", perClass)[0]?.label).toBe("All labels");
});

it("draws R² as it is, all samples in one row", () => {
  expect(of("regression")).toEqual([
    { id: "all", label: "All samples", n: 400, difference: -0.0041, half: 0.0062, isMain: true },
  ]);
});

it("says what an interval shows in the figure's own unit", () => {
  expect(verdictWords(-0.0041, 0.0062, "regression")).toContain("beyond 0.0103;");
  expect(verdictWords(-0.0041, 0.0062, "classification")).toContain("beyond 1.03 pt;");
});
