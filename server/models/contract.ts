/** Models and versions: what an inspection finds, what is measured of a version. */
import { z } from "zod";
import { Count, Fraction, Refusal, Sha256 } from "../platform/atoms";

/** Four honest sizes in bytes. Zeros in a dense file are not a smaller file. */
export const Sizes = z.object({
  file: Count,
  /** Null until the bytes exist: level 19 takes too long behind a dial. */
  zstd19: Count.nullable(),
  sparse: Count,
  packed: Count,
});
export type Sizes = z.infer<typeof Sizes>;

export const TensorSpec = z.object({
  name: z.string(),
  dtype: z.string(),
  /** Null marks a dynamic dimension. */
  shape: z.array(z.number().int().nullable()),
});
export type TensorSpec = z.infer<typeof TensorSpec>;

export const Layer = z.object({
  name: z.string(),
  op: z.string(),
  shape: z.array(Count),
  parameters: Count,
  bytes: Count,
});
export type Layer = z.infer<typeof Layer>;

/** 1 prune, fine-tune, quantize · 2 fine-tune and unstructured · 3 weight edits only · 4 inspect and serve. */
export const Tier = z.union([z.literal(1), z.literal(2), z.literal(3), z.literal(4)]);

export const Inspection = z.object({
  irVersion: z.number().int(),
  opset: z.number().int(),
  producer: z.string(),
  inputs: z.array(TensorSpec),
  outputs: z.array(TensorSpec),
  parameters: Count,
  ops: z.array(z.object({ op: z.string(), count: Count })),
  layers: z.array(Layer),
  testInference: z.object({ ms: z.number(), outputs: z.array(TensorSpec) }),
  tier: Tier,
  tierReasons: z.array(z.string()),
  /** Largest relative difference between the imported module and ONNX Runtime; null where nothing was imported. */
  parity: z.number().nullable(),
  sizes: Sizes,
  macs: Count,
  isolation: z.string(),
});
export type Inspection = z.infer<typeof Inspection>;

/** The difference in accuracy on the same samples, as fractions; positive means the candidate is better. */
export const PairedDifference = z.object({
  n: Count,
  gained: Count,
  lost: Count,
  difference: z.number(),
  /** Half of the 95% interval. */
  halfWidth: z.number(),
  mcnemarP: z.number(),
});
export type PairedDifference = z.infer<typeof PairedDifference>;

export const Latency = z.object({
  batch: z.number().int().positive(),
  p50Ms: z.number(),
  baselineP50Ms: z.number().nullable(),
  /** Candidate over baseline, median of interleaved pairs, with its 5th and 95th percentile. */
  ratio: z.number().nullable(),
  ratioLow: z.number().nullable(),
  ratioHigh: z.number().nullable(),
  rounds: Count,
});
export type Latency = z.infer<typeof Latency>;

/** Metrics of one version on the whole test set of one dataset. */
export const EvaluationResult = z.object({
  n: Count,
  correct: Count,
  accuracy: Fraction,
  /** Half of the 95% Wilson interval. */
  halfWidth: z.number(),
  perClass: z.array(
    z.object({ label: z.number().int(), n: Count, correct: Count, gained: Count, lost: Count }),
  ),
  /** Predicted class of each test sample in dataset order: little-endian int32 in a blob. */
  predictions: Sha256,
  /** Against the baseline (parent, or what serves now) on the same samples; null without one. */
  paired: PairedDifference.nullable(),
  baselineAccuracy: Fraction.nullable(),
  latency: z.array(Latency),
});
export type EvaluationResult = z.infer<typeof EvaluationResult>;

export { Refusal };
