import { expect, test } from "vitest";
import { inspection } from "@/server/models/testing/examples";
import { arrange, layerRows } from "./layer-rows";

const LAYERS = [
  { name: "stem", op: "Conv", shape: [16, 1, 3, 3], parameters: 144, bytes: 576, macs: 300, weights: null },
  {
    name: "norm",
    op: "BatchNormalization",
    shape: [16],
    parameters: 64,
    bytes: 256,
    macs: null,
    weights: null,
  },
  { name: "head", op: "Gemm", shape: [10, 64], parameters: 650, bytes: 2600, macs: 100, weights: null },
];
const TIMES = {
  batch: 1,
  runs: 30,
  totalMs: 2,
  layers: [
    { name: "stem", ms: 1.5 },
    { name: "head", ms: 0.25 },
  ],
};
const rows = layerRows({ layers: LAYERS, macs: 400 }, TIMES);
const names = (query: string, key?: string, direction: "asc" | "desc" = "desc") =>
  arrange(rows, query, key === undefined ? undefined : { key, direction }).map((row) => row.name);

test("shares are of the whole model; what runs inside another kernel says so", () => {
  expect(rows.map((row) => row.macShare)).toEqual([0.75, null, 0.25]);
  expect(rows.map((row) => row.timeShare)).toEqual([0.75, "fused", 0.125]);
  expect(rows.reduce((sum, row) => sum + row.byteShare, 0)).toBeCloseTo(1, 12);
});

test("without a profile, and in old inspections, nothing is made up", () => {
  const old = layerRows(inspection, null);
  expect(old.map((row) => [row.macShare, row.timeShare, row.zeroShare])).toEqual([[null, null, null]]);
});

test("rows are found by name, operator or shape, and sorted with the graph's order behind", () => {
  expect(names("")).toEqual(["stem", "norm", "head"]);
  expect(names("GEMM")).toEqual(["head"]);
  expect(names("16×1")).toEqual(["stem"]);
  expect(names("", "bytes")).toEqual(["head", "stem", "norm"]);
  expect(names("", "macs", "asc")).toEqual(["norm", "head", "stem"]);
  expect(names("nothing")).toEqual([]);
});
