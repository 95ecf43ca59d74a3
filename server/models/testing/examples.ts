/** Well-formed answers of workers, for slice tests. */
import { EvaluationResult, Inspection, type TriedBatch } from "../contract";

export const inspection: Inspection = Inspection.parse({
  irVersion: 9,
  opset: 20,
  producer: "pytorch",
  inputs: [{ name: "input", dtype: "float32", shape: [null, 1, 28, 28] }],
  outputs: [{ name: "output", dtype: "float32", shape: [null, 10] }],
  parameters: 176_090,
  ops: [{ op: "Conv", count: 16 }],
  layers: [{ name: "conv1", op: "Conv", shape: [16, 1, 3, 3], parameters: 144, bytes: 576 }],
  testInference: { ms: 1.2, outputs: [{ name: "output", dtype: "float32", shape: [1, 10] }] },
  tier: 1,
  tierReasons: [],
  parity: 1e-6,
  sizes: { file: 714_424, zstd19: 650_000, sparse: 704_360, packed: 704_360 },
  macs: 24_700_000,
  isolation: "own process, no network, 4 GB, 120 s",
});

export const evaluationResult: EvaluationResult = EvaluationResult.parse({
  n: 10_000,
  correct: 9_150,
  accuracy: 0.915,
  halfWidth: 0.0055,
  perSlice: [],
  perClass: [{ label: 0, n: 1_000, correct: 915, gained: 3, lost: 5 }],
  predictions: "cd".repeat(32),
  paired: { n: 10_000, gained: 30, lost: 50, difference: -0.002, halfWidth: 0.0018, mcnemarP: 0.03 },
  baselineAccuracy: 0.917,
  latency: [],
});

/** A test batch that passed. */
export const triedBatch: TriedBatch = {
  verdict: "passed",
  n: 10,
  task: "classification",
  wanted: { name: "x", dtype: "float32", shape: [null, 1, 28, 28] },
  fed: { name: "x", dtype: "float32", shape: [10, 1, 28, 28], min: 0, max: 1 },
  outputs: [{ name: "y", dtype: "float32", shape: [10, 10] }],
  finite: true,
  score: 0.9,
  commonest: { label: 1, share: 0.3 },
  ms: 3.5,
  problems: [],
};
