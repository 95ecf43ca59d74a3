import { expect, test } from "vitest";
import { toCsv } from "@/components/charts/prepare";
import { evaluationResult, inspection } from "@/server/models/testing/examples";
import { type Comparison, compareGroups, toTable } from "./compare-rows";

type Version = Comparison["versions"][number];
const { n, task, accuracy, halfWidth, figures, perClass, perSlice, latency, memory } = evaluationResult;

const version = (number: number, values: Partial<Version> = {}): Version => ({
  id: `ver_${number}`,
  number,
  digest: `${number}`.repeat(64),
  bytes: 714_424,
  state: "ready",
  origin: "upload",
  tier: 1,
  parentNumber: null,
  sizes: inspection.sizes,
  madeBy: null,
  provenance: null,
  inspection: {
    opset: 20,
    parity: 1e-6,
    parameters: 176_090,
    macs: 24_700_000,
    layers: [{ name: "conv1", op: "Conv", shape: [16, 1, 3, 3], zeros: 0 }],
  },
  note: "",
  createdAt: new Date(0),
  createdByName: "Ines",
  runNumber: 1,
  isServing: false,
  evaluation: {
    n,
    task,
    accuracy,
    halfWidth,
    figures,
    perClass,
    perSlice,
    latency,
    memory,
    createdAt: new Date(0),
  },
  pair: null,
  ...values,
});
const comparison = (...versions: Version[]): Comparison => ({
  model: { name: "garments" },
  baseline: 1,
  datasets: [{ id: "ds_1", name: "garments-test", labels: ["T-shirt"], versions: versions.length }],
  dataset: { id: "ds_1", name: "garments-test", labels: ["T-shirt"], versions: versions.length },
  versions,
});
const find = (of: Comparison, key: string) =>
  compareGroups(of)
    .flatMap((group) => [...group.differing, ...group.equal])
    .find((row) => row.key === key);

test("what differs comes first, what is equal is folded, and nothing is in both", () => {
  const pruned = version(2, { sizes: { ...inspection.sizes, file: 200_000 } });
  const size = compareGroups(comparison(version(1), pruned)).find((g) => g.title === "Size and cost");
  expect(size?.differing.map((row) => row.key)).toEqual(["size-file"]);
  expect(size?.equal.map((row) => row.key)).toContain("parameters");
});

test("the best is the least size and the most accuracy, and none where all are equal or one is known", () => {
  const better = version(2, {
    sizes: { ...inspection.sizes, file: 200_000 },
    evaluation: {
      n,
      task,
      figures,
      accuracy: 0.92,
      halfWidth,
      perClass,
      perSlice,
      latency,
      memory,
      createdAt: new Date(0),
    },
  });
  const both = comparison(version(1), better);
  expect(find(both, "size-file")?.best).toEqual([1]);
  expect(find(both, "accuracy")?.best).toEqual([1]);
  expect(find(both, "parameters")?.best).toEqual([]);
  const alone = comparison(version(1, { evaluation: null, sizes: null }), better);
  expect(find(alone, "size-file")?.best).toEqual([]);
  expect(find(alone, "accuracy")?.cells[0]).toMatchObject({ text: null });
});

test("layers are matched by name; one that is gone is a gap with its reason", () => {
  const layers = [
    { name: "conv1", op: "Conv", shape: [8, 1, 3, 3], zeros: 0.5 },
    { name: "extra", op: "MatMul", shape: [64, 10], zeros: null },
  ];
  const inspected = version(1).inspection;
  const pruned = version(2, { inspection: inspected && { ...inspected, layers } });
  const both = comparison(version(1), pruned);
  expect(find(both, "layer-conv1")?.cells.map((c) => c.text)).toEqual(["16, 0.0% zeros", "8, 50.0% zeros"]);
  expect(find(both, "layer-extra")?.cells.map((c) => c.text)).toEqual([null, "10"]);
});

test("a pair says what it is against, and why it is not known", () => {
  const paired = version(2, {
    pair: {
      paired: evaluationResult.paired,
      from: "answers",
      agreement: { n: 10, same: 9 },
      reason: null,
    },
  });
  const unknown = version(3, {
    pair: { paired: null, from: null, agreement: null, reason: "v3 was not measured on this dataset." },
  });
  const all = comparison(version(1), paired, unknown);
  expect(find(all, "paired")?.cells.map((c) => c.text)).toEqual(["baseline", "−0.20 pt ±0.18", null]);
  expect(find(all, "paired")?.cells[2]?.detail).toContain("not measured");
  expect(find(all, "agreement")?.cells[1]?.text).toBe("90.00%");
});

test("the slice that is answered worst by any version comes first", () => {
  const on = (number: number, ...rows: [string, number][]) => {
    const slices = rows.map(([name, share]) => ({
      name,
      n: 200,
      accuracy: share,
      halfWidth: 0.04,
      paired: null,
    }));
    const { evaluation } = version(number);
    return version(number, { evaluation: evaluation && { ...evaluation, perSlice: slices } });
  };
  const both = comparison(on(1, ["day", 0.95], ["night", 0.9]), on(2, ["day", 0.96], ["night", 0.7]));
  const group = compareGroups(both).find((found) => found.title === "Accuracy by slice");
  expect(group?.differing.map((row) => row.key)).toEqual(["slice-night", "slice-day"]);
  expect(group?.differing[0]).toMatchObject({
    best: [0],
    cells: [{ text: "90.00% ±4.00" }, { value: 0.7 }],
  });
});

test("the CSV holds every row with plain numbers", () => {
  const { heads, rows } = toTable(comparison(version(1), version(2)));
  expect(heads).toEqual(["group", "row", "v1", "v2"]);
  expect(toCsv(heads, rows)).toContain("Size and cost,File,714424,714424");
});
