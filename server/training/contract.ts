/** Launching training: what a person chooses, and what would happen. */
import { z } from "zod";
import { Count, Id } from "../platform/atoms";
import {
  ArchivePath,
  Fit,
  MaxCost,
  MaxHours,
  Priority,
  SCRIPT_STALL_SECONDS,
  ScriptStallSeconds,
  TrainHyper,
} from "../runs/contract";
import { variablesOf, wordsOf } from "./command";
import { combinations, MAX_SWEEP } from "./sweep";

export { combinations, MAX_SWEEP };

/**
 * Recover learns an ancestor's answers (distillation); fine-tune learns the labels alone; from scratch keeps
 * the graph, draws all weights anew and learns the labels.
 */
export const TrainMode = z.enum(["recover", "fine_tune", "from_scratch"]);
export type TrainMode = z.infer<typeof TrainMode>;

/** What a launch may leave as it is. */
export const MoreHyper = TrainHyper.pick({
  optimizer: true,
  weightDecay: true,
  clipNorm: true,
  schedule: true,
  warmupFraction: true,
  augment: true,
  accumulate: true,
  compute: true,
  onDivergence: true,
  lowerRateFactor: true,
  lowerRateTimes: true,
  onOutOfMemory: true,
  stallSeconds: true,
  keepLast: true,
  keepEverySteps: true,
});
export type MoreHyper = z.infer<typeof MoreHyper>;

/** Who goes first, and the hours or dollars after which it is stopped. */
const Queueing = z.object({
  priority: Priority.default("normal"),
  maxHours: MaxHours.nullable().default(null),
  maxCost: MaxCost.nullable().default(null),
});

const Launch = Queueing.extend({
  versionId: Id,
  datasetId: Id,
  mode: TrainMode,
  workers: z.number().int().min(1, "at least 1 worker").max(8, "at most 8 workers"),
  /** It begins with as few, and goes on with as few; null is all of them or none. */
  minWorkers: z.number().int("a whole number").min(1, "at least 1 worker").nullable().default(null),
  epochs: z.number().min(0.05, "at least 0.05 epochs").max(200, "at most 200 epochs"),
  globalBatch: z.number().int().min(8, "at least 8 samples").max(8192, "at most 8,192 samples"),
  lr: z.number().min(1e-6, "at least 0.000001").max(1, "at most 1"),
  seed: z.number().int().min(0),
  checkpointEverySteps: z.number().int().min(1).max(10_000),
  ...MoreHyper.shape,
  attempts: z.number().int().min(1, "at least 1 attempt").max(10, "at most 10 attempts").default(5),
  note: z.string().max(500, "use at most 500 characters").default(""),
});
export const LaunchInput = Launch.superRefine(({ globalBatch, workers, minWorkers, accumulate }, check) => {
  if (minWorkers !== null && minWorkers > workers)
    check.addIssue({
      code: "custom",
      path: ["minWorkers"],
      message: `at most ${workers}, as many as its workers`,
    });
  const most = Math.floor(globalBatch / workers);
  if (accumulate > most)
    check.addIssue({
      code: "custom",
      path: ["accumulate"],
      message: `at most ${most}: a worker's share of a global batch of ${globalBatch}`,
    });
});
export type LaunchInput = z.infer<typeof LaunchInput>;

/** Runs of a sweep: all of them are launched, or none. */
export const SweepInput = z.object({
  launches: z
    .array(LaunchInput)
    .min(1)
    .max(MAX_SWEEP, `At most ${MAX_SWEEP} runs are launched at once; leave some values out.`),
});

export const LAUNCH_DEFAULTS = {
  mode: "recover",
  workers: 2,
  epochs: 1,
  globalBatch: 256,
  lr: 0.003,
  seed: 0,
  checkpointEverySteps: 25,
  attempts: 5,
} as const;

export const PlanInput = Launch.pick({
  datasetId: true,
  workers: true,
  minWorkers: true,
  epochs: true,
  globalBatch: true,
});

/** What each worker of a script asks for. */
const Shape = z.object({
  workers: z.number().int().min(1, "at least 1 worker").max(64, "at most 64 workers"),
  cpus: z.number().min(0.1, "at least 0.1 CPUs").max(256, "at most 256 CPUs"),
  gpus: z.number().int().min(0, "no fewer than 0 GPUs").max(16, "at most 16 GPUs"),
});

/** An archive with an unmodified torchrun script. */
export const ScriptInput = Shape.extend({
  ...Queueing.shape,
  uploadId: Id,
  /** As after `torchrun`: the file to run, then its arguments. */
  command: z
    .string()
    .max(8000, "use at most 8,000 characters")
    .refine((line) => wordsOf(line) !== null, "a quote is left open")
    .refine((line) => wordsOf(line)?.length !== 0, "name the file to run, such as train.py")
    .refine(
      (line) => ArchivePath.safeParse(wordsOf(line)?.[0] ?? "x").success,
      "begin with a path within the archive, such as train.py",
    ),
  /** Null installs nothing. */
  requirements: ArchivePath.nullable(),
  /** Lines of NAME=value. */
  environment: z
    .string()
    .max(20_000, "use at most 20,000 characters")
    .superRefine((text, check) => {
      const found = variablesOf(text);
      if ("wrongLine" in found)
        check.addIssue({ code: "custom", message: `line ${found.wrongLine} is not NAME=value` });
    }),
  datasetId: Id.nullable(),
  attempts: z.number().int().min(1, "at least 1 attempt").max(10, "at most 10 attempts"),
  stallSeconds: ScriptStallSeconds,
  name: z.string().trim().max(200, "use at most 200 characters"),
});
export type ScriptInput = z.infer<typeof ScriptInput>;

export const SCRIPT_DEFAULTS = {
  workers: 2,
  cpus: 1,
  gpus: 0,
  attempts: 1,
  stallSeconds: SCRIPT_STALL_SECONDS,
} as const;

export const ScriptPlanInput = Shape;

/** What a launch would lead to. Figures come from earlier runs; null where there was none like it. */
export const LaunchPlan = z.object({
  steps: Count,
  stepsPerEpoch: Count,
  fit: Fit,
  startsInSeconds: z.number().nullable(),
  takesSeconds: z.number().nullable(),
  /** Of all workers, $; null where a pool that could hold one has no price. */
  costsPerHour: z.number().nullable(),
  fromRuns: Count,
});
export type LaunchPlan = z.infer<typeof LaunchPlan>;
