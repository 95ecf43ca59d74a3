import { describe, expect, it } from "vitest";
import type { MadeBy } from "@/server/models/contract";
import { type Ancestor, figureInWords, lines, recipeCost, recipeDetail, recipeTitle } from "./lineage";

const ancestor = (number: number, over: Partial<Ancestor> = {}): Ancestor => ({
  id: `v${number}`,
  number,
  parentId: number === 1 ? null : `v${number - 1}`,
  mergedWithNumber: null,
  bytes: 700_000,
  task: "classification",
  accuracy: 0.9,
  datasetId: "ds",
  toParent: null,
  madeBy: null,
  ...over,
});

describe("lineage", () => {
  it("draws one line to each version without a child, newest first", () => {
    const versions = [
      ancestor(1),
      ancestor(2),
      ancestor(3, { parentId: "v1" }),
      ancestor(4, { parentId: null }),
    ];
    expect(lines(versions).map((line) => line.map((v) => v.number))).toEqual([[4], [1, 3], [1, 2]]);
  });

  it("tells the cost in points and bytes, with the loss next to the gain", () => {
    expect(recipeCost(ancestor(1), ancestor(2, { accuracy: 0.895, bytes: 276_000 }))).toBe(
      "−0.50 pt, −424 kB",
    );
    expect(recipeCost(ancestor(1), ancestor(2, { accuracy: 0.9, bytes: 724_000 }))).toContain("+24.0 kB");
  });

  it("writes how good a version is in the words of its task", () => {
    const at = { accuracy: 0.913, halfWidth: 0.004 };
    expect(figureInWords({ task: "classification", ...at })).toBe("91.30% ±0.40");
    expect(figureInWords({ task: "regression", ...at })).toBe("R² 0.9130 ±0.0040");
    expect(figureInWords({ task: null, accuracy: null, halfWidth: null })).toBe("not measured");
  });

  it("prefers what was measured on the same samples, though the parent has no evaluation of its own", () => {
    const toParent = { difference: -0.0079, task: "classification" as const };
    expect(recipeCost(ancestor(1, { accuracy: null }), ancestor(2, { toParent }))).toBe(
      "−0.79 pt, same size",
    );
    const inR2 = { difference: -0.0079, task: "regression" as const };
    expect(recipeCost(ancestor(1), ancestor(2, { toParent: inR2 }))).toBe("−0.0079, same size");
  });

  it("never compares accuracies of different datasets", () => {
    expect(recipeCost(ancestor(1), ancestor(2, { datasetId: "other" }))).toContain("not compared");
    expect(recipeCost(ancestor(1), ancestor(2, { accuracy: null }))).toContain("not compared");
  });

  it("names what a compression did in its order", () => {
    const madeBy: MadeBy = {
      kind: "compress",
      recipe: { channels: 0.25, sparsity: 0, precision: "int8" },
      achieved: { channels: 0.25, sparsity: 0 },
      digest: "0".repeat(64),
    };
    expect(recipeTitle(madeBy)).toBe("Channels pruned, int8 static");
    const merge = { partner: 5, method: "soup", weight: 0.5 };
    const merged: MadeBy = { ...madeBy, recipe: { ...madeBy.recipe, merge } };
    expect(recipeTitle(merged)).toBe("Merged with v5, channels pruned, int8 static");
    expect(recipeDetail(merged)).toBe("soup, 50% of v5, 25% of channels");
  });
});
