/** Launching training: what a person chooses, and what would happen. */
import { z } from "zod";
import { Count, Id } from "../platform/atoms";

/** Recover learns an ancestor's answers (distillation); fine-tune learns the labels alone. */
export const TrainMode = z.enum(["recover", "fine_tune"]);
export type TrainMode = z.infer<typeof TrainMode>;

export const LaunchInput = z.object({
  versionId: Id,
  datasetId: Id,
  mode: TrainMode,
  workers: z.number().int().min(1, "at least 1 worker").max(8, "at most 8 workers"),
  epochs: z.number().min(0.05, "at least 0.05 epochs").max(200, "at most 200 epochs"),
  globalBatch: z.number().int().min(8, "at least 8 samples").max(8192, "at most 8,192 samples"),
  lr: z.number().min(1e-6, "at least 0.000001").max(1, "at most 1"),
  seed: z.number().int().min(0),
  checkpointEverySteps: z.number().int().min(1).max(10_000),
  note: z.string().max(500, "use at most 500 characters").default(""),
});
export type LaunchInput = z.infer<typeof LaunchInput>;

export const LAUNCH_DEFAULTS = {
  mode: "recover",
  workers: 2,
  epochs: 1,
  globalBatch: 256,
  lr: 0.003,
  seed: 0,
  checkpointEverySteps: 25,
} as const;

export const PlanInput = LaunchInput.pick({
  datasetId: true,
  workers: true,
  epochs: true,
  globalBatch: true,
});

/** What a launch would lead to. Figures come from earlier runs; null where there was none like it. */
export const LaunchPlan = z.object({
  steps: Count,
  stepsPerEpoch: Count,
  fit: z.object({ state: z.enum(["now", "after_scaling", "never"]), says: z.string() }),
  startsInSeconds: z.number().nullable(),
  takesSeconds: z.number().nullable(),
  fromRuns: Count,
});
export type LaunchPlan = z.infer<typeof LaunchPlan>;
