/** Models and versions: what an inspection finds, what is measured of a version. */
import { z } from "zod";
import { type DatasetReport, DatasetTask } from "../datasets/contract";
import { Count, Fraction, Id, Refusal, Sha256, Slug } from "../platform/atoms";

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

type Shape = readonly (number | null)[];

const fits = (sample: readonly number[], wanted: Shape): boolean =>
  sample.length === wanted.length && wanted.every((n, axis) => n === null || n === sample[axis]);

/**
 * Whether samples of this shape can be fed to the first of these inputs; a dynamic dimension takes any. The layouts
 * are those that workers try (data.layout): as it is, with a channel axis, HWC and CHW in turn, flat, folded.
 */
export function takesSamples(inputs: readonly TensorSpec[], shape: readonly number[]): boolean {
  if (!inputs[0]) return false;
  const wanted = inputs[0].shape.slice(1);
  const size = shape.reduce((product, n) => product * n, 1);
  const layouts = [[...shape]];
  if (shape.length === 2) layouts.push([1, ...shape], [...shape, 1]);
  if (shape.length === 3) {
    const [a = 0, b = 0, c = 0] = shape;
    layouts.push([c, a, b], [b, c, a]);
  }
  if (wanted.length === 1) layouts.push([size]);
  if (layouts.some((layout) => fits(layout, wanted))) return true;
  return shape.length === 1 && wanted.reduce<number>((product, n) => product * (n ?? Number.NaN), 1) === size;
}

/** What labels ask of an output: their task, how many classes or labels there are, and the shape of one sample's. */
export interface Asked {
  task: DatasetTask;
  classes: number;
  labelShape: readonly number[];
}

/**
 * Whether the first of these outputs can answer: it tells the classes apart, or has just one value for each label,
 * number or token; a dynamic dimension is not known. Without labels any output will do.
 */
export function answersTask(outputs: readonly TensorSpec[], { task, classes, labelShape }: Asked): boolean {
  const shape = outputs[0]?.shape ?? [];
  const last = shape.at(-1);
  if (task === "unlabelled") return true;
  if (task === "classification") return last == null || shape.length < 2 || last >= classes;
  if (task === "tokens") {
    const [, tokens, answers] = shape;
    return (
      shape.length === 3 &&
      (tokens == null || tokens === labelShape[0]) &&
      (answers == null || answers >= classes)
    );
  }
  const values = shape.slice(1).reduce<number>((product, n) => product * (n ?? Number.NaN), 1);
  return Number.isNaN(values) || values === labelShape[0];
}

/** Whether a version can be measured on samples of this kind: it takes them, and answers what their labels ask. */
export const fitsSamples = (
  { inputs, outputs }: { inputs: readonly TensorSpec[]; outputs: readonly TensorSpec[] },
  { shape, task, classes, labelShape }: Pick<DatasetReport, "shape" | "task" | "classes" | "labelShape">,
): boolean =>
  takesSamples(inputs, shape) && answersTask(outputs, { task, classes: classes.length, labelShape });

/** Without labels a version can only be compared with another one. */
export const needsBaseline = (task: DatasetTask): boolean => task === "unlabelled";

/** How the values of a layer's weight are distributed, as they are computed with (int8 ones dequantized). */
export const WeightHistogram = z.object({
  /** Finite values. */
  n: Count,
  min: z.number(),
  max: z.number(),
  mean: z.number(),
  std: z.number(),
  /** Values that are exactly zero. */
  zeros: Count,
  /** 64 bins of equal width from min to max; one where all values are equal. */
  bins: z.array(Count),
});
export type WeightHistogram = z.infer<typeof WeightHistogram>;

export const Layer = z.object({
  name: z.string(),
  op: z.string(),
  shape: z.array(Count),
  parameters: Count,
  bytes: Count,
  /** Of one sample; null where it was not counted: other operators, open shapes, old inspections. */
  macs: Count.nullable().default(null),
  /** Null beyond the first 500 layers and in old inspections. */
  weights: WeightHistogram.nullable().default(null),
});
export type Layer = z.infer<typeof Layer>;

/** A node that computes from the input; what follows from constants alone is left out. */
export const GraphNode = z.object({
  /** Unique in its graph. */
  name: z.string(),
  op: z.string(),
  /** The layer whose weights it computes with. */
  layer: z.string().nullable(),
  /** Tensors that it reads from other nodes or from the model's inputs. */
  inputs: z.array(z.string()),
  outputs: z.array(z.string()),
  /** Of its first output; null where shape inference found none. */
  shape: z.array(z.number().int().nullable()).nullable(),
});
export type GraphNode = z.infer<typeof GraphNode>;

export const Graph = z.object({
  /** In the file's order, which is topological; at most 2,000. */
  nodes: z.array(GraphNode),
  /** Nodes that compute from the input, those beyond the limit included. */
  total: Count,
});
export type Graph = z.infer<typeof Graph>;

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
  /** The node of the graph that limits the tier, where one does. */
  tierNode: z.string().nullable().default(null),
  /** Largest relative difference between the imported module and ONNX Runtime; null where nothing was imported. */
  parity: z.number().nullable(),
  sizes: Sizes,
  macs: Count,
  isolation: z.string(),
  /** Null in inspections from before graphs were kept. */
  graph: Graph.nullable().default(null),
});
export type Inspection = z.infer<typeof Inspection>;

/**
 * How good answers are, by the dataset's task: the mean over samples of what each scores; 1 is perfect. Shares of right
 * classes, labels or tokens, and cosine fidelity, lie between 0 and 1; R² is below 0 where the mean predicts better.
 */
export const Score = z.number().max(1);

/**
 * A figure beside the score: mean absolute error, share of samples with the baseline's largest output, and mean KL
 * divergence from its outputs in nats, read as logits or as the probabilities that they are.
 */
export const Figure = z.object({
  name: z.enum(["mae", "agreement", "kl"]),
  value: z.number(),
  /** Of the baseline; null without one, and where the figure is a comparison itself. */
  baseline: z.number().nullable(),
});
export type Figure = z.infer<typeof Figure>;

/** The difference in the score on the same samples, as fractions; positive means the candidate is better. */
export const PairedDifference = z.object({
  n: Count,
  /** Samples that score higher than the baseline's: where scores are 0 and 1, answers that only the candidate has right. */
  gained: Count,
  lost: Count,
  difference: z.number(),
  /** Half of the 95% interval. */
  halfWidth: z.number(),
  /** Null where samples score between 0 and 1: the test is of right and wrong. */
  mcnemarP: z.number().nullable(),
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

export const LayerTime = z.object({ name: z.string(), ms: z.number() });
/** Where the time of an inference goes: ONNX Runtime's own profile of the optimized graph, one thread. */
export const LayerTimes = z.object({
  batch: z.number().int().positive(),
  runs: z.number().int().positive(),
  /** Mean milliseconds of one run in kernels, all nodes together. */
  totalMs: z.number(),
  /** By layer name; a fused node counts for the layer whose name it kept. */
  layers: z.array(LayerTime),
});
export type LayerTimes = z.infer<typeof LayerTimes>;

/** Resident memory of a process of its own, beyond its libraries and the input. */
export const PeakMemory = z.object({
  batch: z.number().int().positive(),
  /** What the session keeps once it is open. */
  openedBytes: Count,
  /** The most that opening it and one inference took: what a replica has to have room for. */
  peakBytes: Count,
});

/** The test samples that a dataset's owner gave one name: a subset that may fare otherwise than the whole. */
export const SliceResult = z.object({
  name: z.string(),
  n: Count,
  accuracy: Score,
  /** Half of the 95% interval, as of the whole test set. */
  halfWidth: z.number(),
  /** Against the baseline on these samples; null without one. */
  paired: PairedDifference.nullable(),
});
export type SliceResult = z.infer<typeof SliceResult>;

/** Metrics of one version on the whole test set of one dataset. */
export const EvaluationResult = z.object({
  n: Count,
  task: DatasetTask.default("classification"),
  /** Samples that are right in every part; null where an answer is neither right nor wrong. */
  correct: Count.nullable(),
  accuracy: Score,
  /** Half of the 95% Wilson interval. */
  halfWidth: z.number(),
  figures: z.array(Figure).default([]),
  perClass: z.array(
    z.object({ label: z.number().int(), n: Count, correct: Count, gained: Count, lost: Count }),
  ),
  /** Of each slice that the test set has samples of; empty where the dataset names none. */
  perSlice: z.array(SliceResult).default([]),
  /**
   * Answer of each test sample in dataset order, in a blob: little-endian int32 classes, labels or tokens, else float32
   * outputs.
   */
  predictions: Sha256,
  /** Which of them are right, so that any two versions can be paired: a byte for each sample, 0 or 1, in a blob. */
  correctness: Sha256.nullable().default(null),
  /** What each test sample scores where that is not just 0 or 1: little-endian float32 in a blob. */
  scores: Sha256.nullable().default(null),
  /** Against the baseline (parent, or what serves now) on the same samples; null without one. */
  paired: PairedDifference.nullable(),
  baselineAccuracy: Score.nullable(),
  latency: z.array(Latency),
  /** Null where latency was not measured. */
  layerTimes: LayerTimes.nullable().default(null),
  /** By batch; empty where latency was not measured. */
  memory: z.array(PeakMemory).default([]),
});
export type EvaluationResult = z.infer<typeof EvaluationResult>;

/**
 * What came of feeding a version up to 64 test samples just as an evaluation would. Failed: they could not be fed, or
 * not be answered. Warning: they were, but answers of a right mapping and scaling do not look so.
 */
export const TriedBatch = z.object({
  verdict: z.enum(["passed", "warning", "failed"]),
  /** Samples that were answered. */
  n: Count,
  task: DatasetTask,
  /** The first input, as the model declares it; null where nobody could look. */
  wanted: TensorSpec.nullable(),
  /** What it was given; null where samples cannot take its shape or type. */
  fed: TensorSpec.extend({ min: z.number(), max: z.number() }).nullable(),
  /** As they came; empty where nothing was answered. */
  outputs: z.array(TensorSpec),
  /** Whether every value of every output is a finite number; null where nothing was answered. */
  finite: z.boolean().nullable(),
  /** Null where nothing was answered in numbers, and without labels: those only compare. */
  score: Score.nullable(),
  /** The answer that most samples, or tokens, got; null where answers are not classes. */
  commonest: z.object({ label: z.number().int(), share: Fraction }).nullable(),
  /** Milliseconds of the whole batch; null where nothing was answered. */
  ms: z.number().nullable(),
  problems: z.array(Refusal),
});
export type TriedBatch = z.infer<typeof TriedBatch>;

export { Refusal };

// --- what screens and other slices say of models ---------------------------------------------------------------

export const VersionState = z.enum(["inspecting", "ready", "refused", "failed"]);
export type VersionState = z.infer<typeof VersionState>;
export const VersionOrigin = z.enum(["upload", "sample", "compress", "train", "script"]);

export const ListModels = z.object({
  query: z.string().trim().max(100).default(""),
  /** Of the last row of the page before. */
  cursor: z.string().max(80).nullish(),
  limit: z.number().int().min(1).max(100).default(50),
});

/** A file becomes the first version of a new model, or the next one of a model there is. */
const NewVersion = z.object({
  model: z.discriminatedUnion("is", [
    z.object({
      is: z.literal("new"),
      name: Slug,
      task: z.string().trim().min(1).max(60).default("classification"),
    }),
    z.object({ is: z.literal("existing"), modelId: Id }),
  ]),
  note: z.string().trim().max(2000).default(""),
});
export type NewVersion = z.infer<typeof NewVersion>;
/** Of a finished upload. */
export const CreateFromUpload = NewVersion.extend({ uploadId: Id });
export type CreateFromUpload = z.infer<typeof CreateFromUpload>;
/** Of a file that a run logged. */
export const CreateFromArtifact = NewVersion.extend({
  run: z.number().int().positive(),
  path: z.string().min(1).max(1000),
});
export type CreateFromArtifact = z.infer<typeof CreateFromArtifact>;

export const Evaluate = z.object({
  versionId: Id,
  datasetId: Id,
  baselineVersionId: Id.nullable().default(null),
});
/** Feeds a batch of a dataset's test samples to a version, before anything long starts. */
export const TryBatch = z.object({ versionId: Id, datasetId: Id });
export const MAX_COMPARED = 8;
/** Versions side by side; without a baseline the oldest of them, without a dataset the one that most share. */
export const Compare = z.object({
  model: Slug,
  versions: z.array(z.number().int().positive()).min(1).max(MAX_COMPARED),
  baseline: z.number().int().positive().nullable().default(null),
  datasetId: Id.nullable().default(null),
});
export type Compare = z.infer<typeof Compare>;

/** What the finisher of an evaluate run needs to know besides the run. */
export const EvaluateIntent = z.object({ baselineVersionId: Id.nullable() });

/** What weights, and under int8 activations too, are stored and computed in; `int8` is static, as old rows say. */
export const Precision = z.enum(["fp32", "fp16", "int8", "int8_dynamic", "int4"]);
export type Precision = z.infer<typeof Precision>;

/** How a version came out of its parent: `recipe` where its weights were compressed, `hyper` where it was trained. */
export const MadeBy = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("compress"),
    recipe: z
      .object({
        channels: Fraction,
        sparsity: Fraction,
        precision: Precision,
        /** What came first, if another version was merged in. */
        merge: z
          .object({ partner: z.number().int(), method: z.string(), weight: Fraction })
          .loose()
          .nullish(),
      })
      .loose(),
    achieved: z.object({ channels: Fraction, sparsity: Fraction }),
    digest: Sha256,
  }),
  z
    .object({
      kind: z.literal("train"),
      mode: z.string(),
      hyper: z.object({ epochs: z.number(), globalBatch: z.number(), lr: z.number() }).loose(),
      precision: Precision,
    })
    .loose(),
]);
export type MadeBy = z.infer<typeof MadeBy>;

/** Facts about where a version's bytes come from, besides run, parent and recipe; what is absent is unknown. */
export const Provenance = z
  .object({
    steps: Count.optional(),
    seconds: z.number().optional(),
    seed: z.number().optional(),
    environment: z.record(z.string(), z.string()).optional(),
    /** The number of the run whose script logged it, and where. */
    loggedBy: z.number().int().optional(),
    artifact: z.string().optional(),
  })
  .loose();
export type Provenance = z.infer<typeof Provenance>;
