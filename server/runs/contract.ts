/** Runs: anything executed on the cluster. Specs go down, reports come up through the worker door. */
import { z } from "zod";
import {
  DatasetFile,
  DatasetRef,
  DatasetReport,
  DatasetTask,
  Split,
  TableMapping,
  Transform,
} from "../datasets/contract";
import { EvaluationResult, Inspection, Precision, Sizes, TriedBatch } from "../models/contract";
import { ChecklistItem, Count, Fraction, Id, Refusal, Sha256 } from "../platform/atoms";
import { AchievedRatio, LayerChange, Recipe } from "../studio/contract";

export const RunKind = z.enum([
  "inspect_model",
  "inspect_dataset",
  "try_batch",
  "evaluate",
  "compress",
  "train",
  "script",
]);
export type RunKind = z.infer<typeof RunKind>;
export const RunState = z.enum(["queued", "running", "paused", "succeeded", "failed", "stopped"]);
export type RunState = z.infer<typeof RunState>;
export const AttemptState = z.enum([
  "placing",
  "starting",
  "running",
  "succeeded",
  "failed",
  "stopped",
  "lost",
]);
export type AttemptState = z.infer<typeof AttemptState>;

/** Who goes first where room is short. */
export const Priority = z.enum(["low", "normal", "high"]);
export type Priority = z.infer<typeof Priority>;
/** Hours that a run's attempts may run together, whatever it waits between them. */
export const MaxHours = z.number().min(0.01, "at least 0.01 hours").max(10_000, "at most 10,000 hours");
/** What they may cost together, in dollars. */
export const MaxCost = z.number().min(0.01, "at least $0.01").max(1_000_000, "at most $1,000,000");

/** What an attempt takes of the cluster: so many workers, and what each of them takes. */
export const Resources = z.object({
  workers: z.number().int().min(1).max(64),
  cpus: z.number().positive(),
  gpus: z.number().nonnegative(),
});
export type Resources = z.infer<typeof Resources>;

/**
 * What a run asks for: as many workers as find room, `workers` at most and never fewer than `minWorkers`. Without a
 * `minWorkers` all of them or none.
 */
export const RunResources = Resources.extend({ minWorkers: Resources.shape.workers.optional() })
  .refine(({ workers, minWorkers = workers }) => minWorkers <= workers, {
    path: ["minWorkers"],
    message: "at most as many as the workers",
  })
  .transform((asked) => ({ ...asked, minWorkers: asked.minWorkers ?? asked.workers }));
export type RunResources = z.infer<typeof RunResources>;

// --- specs -----------------------------------------------------------------------------------------------------

export const InspectModelSpec = z.object({
  kind: z.literal("inspect_model"),
  blob: Sha256,
  filename: z.string(),
  limits: z.object({ bytes: Count, memoryBytes: Count, seconds: z.number().positive() }),
});
export const InspectDatasetSpec = z.object({
  kind: z.literal("inspect_dataset"),
  files: z.array(DatasetFile).min(1).max(4),
  split: Split,
  /** Null takes what fits. */
  transform: Transform.nullable().default(null),
  mapping: TableMapping.nullable().default(null),
  /** Null takes what the labels look like. */
  task: DatasetTask.nullable().default(null),
  /** Names of the classes that their owner gave: they fix the order. */
  labels: z.array(z.string()).default([]),
  /** A version that a test batch is tried on once the dataset has passed. */
  model: Sha256.nullable().default(null),
});
export const TryBatchSpec = z.object({ kind: z.literal("try_batch"), model: Sha256, dataset: DatasetRef });
export const EvaluateSpec = z.object({
  kind: z.literal("evaluate"),
  candidate: Sha256,
  baseline: Sha256.nullable(),
  dataset: DatasetRef,
  /** Interleaved rounds of the latency measurement. */
  latencyRounds: z.number().int().min(0).max(1000).default(60),
});
export const CompressSpec = z.object({
  kind: z.literal("compress"),
  /** What the parent serves (baseline of the evaluation). */
  parent: Sha256,
  /** The parent's trainable fp32 graph; the same blob unless the parent is quantized. */
  parentFloat: Sha256,
  recipe: Recipe,
  dataset: DatasetRef,
});

/** A file in an archive: relative, without steps upwards. */
export const ArchivePath = z
  .string()
  .min(1)
  .max(500)
  .refine(
    (path) => !/^\/|\\|\0/.test(path) && !path.split("/").includes(".."),
    "a path within the archive, such as train.py",
  );

export const TrainHyper = z.object({
  epochs: z.number().min(0.01).max(1000).default(1),
  globalBatch: z.number().int().min(1).max(65536).default(256),
  lr: z.number().positive().default(3e-3),
  /** How the rate goes on after the warm-up: to 0 along half a cosine or a line, or as it is. */
  schedule: z.enum(["cosine", "linear", "constant"]).default("cosine"),
  warmupFraction: z.number().min(0, "at least 0").max(0.5, "at most 0.5").default(0.05),
  optimizer: z.enum(["sgd", "adamw"]).default("adamw"),
  weightDecay: z.number().nonnegative("at least 0").default(1e-4),
  clipNorm: z.number().positive("above 0").default(5),
  augment: z.boolean().default(false),
  /** Micro-batches a worker's share of a step is computed in, to save memory. */
  accumulate: z.number().int("a whole number").min(1, "at least 1").max(1024, "at most 1,024").default(1),
  /** What forward and backward passes compute in; weights and their updates are fp32. */
  compute: z.enum(["fp32", "bf16"]).default("fp32"),
  /** A loss that is no number or explodes stops the run, or brings the last good checkpoint back. */
  onDivergence: z.enum(["stop", "lower_rate"]).default("stop"),
  /** What the rate is multiplied with each time, and how many times before the run stops. */
  lowerRateFactor: z.number().min(0.01, "at least 0.01").max(0.99, "at most 0.99").default(0.5),
  lowerRateTimes: z.number().int("a whole number").min(1, "at least 1").max(10, "at most 10").default(3),
  /** Memory that runs out ends the run, or its steps go on in micro-batches half as large, as often as it takes. */
  onOutOfMemory: z.enum(["smaller_batch", "stop"]).default("smaller_batch"),
  seed: z.number().int().default(0),
  checkpointEverySteps: z.number().int().min(1).default(25),
  /** Checkpoints that are kept besides the most accurate one: the newest, and those of every n-th step (0: none). */
  keepLast: z.number().int("a whole number").min(1, "at least 1").max(1000, "at most 1,000").default(3),
  keepEverySteps: z.number().int("a whole number").min(0, "at least 0").default(0),
  evaluateEverySteps: z.number().int().min(1).default(50),
  /** Ends after this step with a result, as if it were the last; the learning rate goes as for all epochs. */
  stopAtStep: z.number().int().min(1).nullable().default(null),
  /** Seconds without a step after which a rank counts as stalled; 0 never, null by the step times. */
  stallSeconds: z.number().min(0, "at least 0").max(86_400, "at most 86,400, a day").nullable().default(null),
});
export type TrainHyper = z.infer<typeof TrainHyper>;

export const InitVersion = z.object({
  from: z.literal("version"),
  blob: Sha256,
  /** `fresh` trains its graph from scratch: the weights are drawn anew by the seed. */
  weights: z.enum(["kept", "fresh"]).default("kept"),
});
export const InitArchitecture = z.object({
  from: z.literal("architecture"),
  name: z.enum(["resnet-small"]),
  /** Channels, height, width. */
  inputShape: z.array(Count),
  classes: Count,
});
/** Distillation: the ancestor whose answers are learnt, the softmax temperature, its share of the loss. */
export const Teacher = z.object({
  blob: Sha256,
  temperature: z.number().positive().default(4),
  weight: Fraction.default(0.9),
});

export const TrainSpec = z.object({
  kind: z.literal("train"),
  init: z.discriminatedUnion("from", [InitVersion, InitArchitecture]),
  teacher: Teacher.nullable(),
  /** Weights that are zero at the start stay zero. */
  keepMasks: z.boolean(),
  /** Quantization applied again to the result. */
  precision: Precision,
  recipe: Recipe.nullable(),
  /** What the result is compared with on the same samples; null where there is nothing. */
  baseline: Sha256.nullable(),
  dataset: DatasetRef,
  hyper: TrainHyper,
  /** `gloo` or `nccl`; chosen by device when null. */
  backend: z.enum(["gloo", "nccl"]).nullable().default(null),
});
export type TrainSpec = z.infer<typeof TrainSpec>;

/** Seconds in which no rank of a script writes or computes, after which it counts as stalled; 0 never. */
export const SCRIPT_STALL_SECONDS = 1800;
export const ScriptStallSeconds = z.number().min(0, "at least 0").max(604_800, "at most 604,800, a week");

/** An unmodified torchrun script: each rank runs `entry` in the unpacked archive with what torchrun would set. */
export const ScriptSpec = z.object({
  kind: z.literal("script"),
  /** A zip or tar archive, compressed or not. */
  code: Sha256,
  filename: z.string(),
  /** Paths in the archive. */
  entry: ArchivePath,
  /** A pip requirements file, installed over what workers have; null installs nothing. */
  requirements: ArchivePath.nullable().default(null),
  args: z.array(z.string().max(4000)).max(200).default([]),
  /** Environment variables besides those of torchrun and of tracking. */
  env: z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), z.string().max(4000)).default({}),
  /** Its files lie in the folder that $LATHE_DATA names. */
  dataset: DatasetRef.nullable().default(null),
  stallSeconds: ScriptStallSeconds.default(SCRIPT_STALL_SECONDS),
});
export type ScriptSpec = z.infer<typeof ScriptSpec>;

export const RunSpec = z.discriminatedUnion("kind", [
  InspectModelSpec,
  InspectDatasetSpec,
  TryBatchSpec,
  EvaluateSpec,
  CompressSpec,
  TrainSpec,
  ScriptSpec,
]);
export type RunSpec = z.infer<typeof RunSpec>;

/** Whether workers find a place: now, once nodes are started, once others end, or never on this cluster. */
export const Fit = z.object({ state: z.enum(["now", "after_scaling", "waits", "never"]), says: z.string() });
export type Fit = z.infer<typeof Fit>;

// --- results ---------------------------------------------------------------------------------------------------

export const Artifact = z.object({ sha256: Sha256, bytes: Count });
export const VersionArtifacts = z.object({
  /** The ONNX file that serves. */
  model: Artifact,
  /** The trainable fp32 graph behind it; the same blob where nothing was quantized. */
  float: Artifact,
  inspection: Inspection,
  sizes: Sizes,
  evaluation: EvaluationResult,
});
export const InspectModelResult = z.object({
  kind: z.literal("inspect_model"),
  inspection: Inspection.nullable(),
  refusal: Refusal.nullable(),
});
export const InspectDatasetResult = z.object({
  kind: z.literal("inspect_dataset"),
  report: DatasetReport.nullable(),
  refusal: Refusal.nullable(),
  /** Of the version that was asked for; null without one, where the dataset is refused, and in old results. */
  batch: TriedBatch.nullable().default(null),
});
export const TryBatchResult = z.object({ kind: z.literal("try_batch"), batch: TriedBatch });
export const EvaluateResult = z.object({
  kind: z.literal("evaluate"),
  evaluation: EvaluationResult,
  baseline: EvaluationResult.nullable(),
});
export const CompressResult = z.object({
  kind: z.literal("compress"),
  artifacts: VersionArtifacts,
  achieved: AchievedRatio,
  layers: z.array(LayerChange),
  recipeDigest: Sha256,
});
export const TrainResult = z.object({
  kind: z.literal("train"),
  artifacts: VersionArtifacts,
  steps: Count,
  seconds: z.number(),
  /** Provenance: library versions, device, backend, seeds. */
  environment: z.record(z.string(), z.string()),
});
/** Every rank ended with exit code 0. */
export const ScriptResult = z.object({
  kind: z.literal("script"),
  seconds: z.number(),
  /** Provenance: interpreter, installed packages, device. */
  environment: z.record(z.string(), z.string()),
});
export const RunResult = z.discriminatedUnion("kind", [
  InspectModelResult,
  InspectDatasetResult,
  TryBatchResult,
  EvaluateResult,
  CompressResult,
  TrainResult,
  ScriptResult,
]);
export type RunResult = z.infer<typeof RunResult>;

// --- the worker door -------------------------------------------------------------------------------------------

/** Why an attempt ended badly. `evidence` is what a person reads first: the last log lines, a signal, a rule. */
export const Cause = z.object({
  kind: z.enum([
    "worker_died",
    "worker_error",
    "driver_died",
    "node_lost",
    "placement",
    "timeout",
    "stalled",
    "out_of_memory",
    "stopped",
  ]),
  message: z.string(),
  rank: Count.nullable(),
  exitCode: z.number().int().nullable(),
  evidence: z.string(),
});
export type Cause = z.infer<typeof Cause>;

export const CheckpointRef = z.object({ step: Count, sha256: Sha256, bytes: Count });
export type CheckpointRef = z.infer<typeof CheckpointRef>;

/** `GET /api/worker/spec` */
export const AttemptSpec = z.object({
  teamId: Id,
  runId: Id,
  attemptId: Id,
  attempt: z.number().int().positive(),
  maxAttempts: z.number().int().positive(),
  resources: Resources,
  spec: RunSpec,
  /** The newest checkpoint of an earlier attempt. */
  checkpoint: CheckpointRef.nullable(),
  /** Samples a worker of a training computes at a time, at most; a driver sets it once more ran out of memory. */
  microBatch: z.number().int().positive().nullable().default(null),
});
export type AttemptSpec = z.infer<typeof AttemptSpec>;

export const Progress = z.object({
  phase: z.string(),
  percent: z.number().min(0).max(100).nullable(),
  step: Count.nullable(),
  totalSteps: Count.nullable(),
  etaSeconds: z.number().nonnegative().nullable(),
  message: z.string(),
  checklist: z.array(ChecklistItem).default([]),
});
export type Progress = z.infer<typeof Progress>;

export const WorkerPlace = z.object({
  rank: Count,
  nodeId: z.string(),
  pid: z.number().int(),
  device: z.string(),
});
/** `POST /api/worker/room`: a driver that looks for places names the nodes that it sees alive. */
export const RoomRequest = z.object({ nodes: z.array(z.string()) });
/** How many workers its attempt has from now on: fewer where an elastic run finds no room for all. */
export const RoomAnswer = z.object({ workers: Resources.shape.workers });
/** `POST /api/worker/state`: what a driver says of its own attempt. Starting: placed. Running: the first step is done. */
export const StateReport = z.object({
  state: z.enum(["starting", "running"]),
  workers: z.array(WorkerPlace),
});
/** `POST /api/worker/progress` */
export const ProgressReport = z.object({ progress: Progress });
export const MetricPoint = z.object({
  name: z.string().max(200),
  rank: Count,
  step: Count,
  ts: z.number().int(),
  /** Null stands for NaN and infinities, which JSON has no word for. */
  value: z.number().nullable(),
});
/** `POST /api/worker/metrics`: at most 1,000 points; a replay changes nothing. `ts` is Unix milliseconds. */
export const MetricsReport = z.object({
  points: z.array(MetricPoint).max(1000),
});
/** Rank −1 is the driver. */
export const LogChunk = z.object({
  rank: z.number().int().min(-1),
  offset: Count,
  text: z.string().max(262_144),
});
/** `POST /api/worker/logs`: `offset` counts characters written before in that rank's log, so a replay changes nothing. */
export const LogsReport = z.object({
  chunks: z.array(LogChunk).max(64),
});
/** `POST /api/worker/checkpoints`, after its blob is stored. */
export const CheckpointReport = CheckpointRef.extend({ metrics: z.record(z.string(), z.number()) });
/** `POST /api/worker/next-attempt`: ends this attempt with its cause and answers the next, in one transaction. */
export const NextAttemptRequest = z.object({ cause: Cause, lastStep: Count });
export const NextAttempt = z.object({
  attemptId: Id,
  attempt: z.number().int().positive(),
  token: z.string(),
  checkpoint: CheckpointRef.nullable(),
});
/** `POST /api/worker/result` */
export const ResultReport = z.object({ result: RunResult });
/** `POST /api/worker/error` */
export const ErrorReport = z.object({ cause: Cause });
/** Every refusal of a door; 409 `stale_attempt` tells a worker to stop, nothing it says will be kept. */
export const DoorError = z.object({
  error: z.object({ code: z.string(), message: z.string(), requestId: z.string() }),
});
