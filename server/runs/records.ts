/** Runs and attempts as rows, with their JSON parsed by the contract. */
import { z } from "zod";
import type { attempt, run } from "../../db/schema/runs";
import type { Observation } from "../engine/contract";
import { ObservedJob } from "../engine/contract";
import {
  Cause,
  CheckpointRef,
  Progress,
  type Resources,
  RunResources,
  RunResult,
  RunSpec,
  WorkerPlace,
} from "./contract";

type RunRow = typeof run.$inferSelect;
type AttemptRow = typeof attempt.$inferSelect;

type JsonColumn = "spec" | "resources" | "intent" | "progress" | "result" | "cause" | "startCheckpoint";

export interface Run extends Omit<RunRow, JsonColumn> {
  spec: RunSpec;
  resources: RunResources;
  intent: Record<string, unknown>;
  progress: Progress | null;
  result: RunResult | null;
  cause: Cause | null;
  startCheckpoint: CheckpointRef | null;
}

export interface Attempt extends Omit<AttemptRow, "cause" | "workers" | "observed"> {
  cause: Cause | null;
  workers: z.infer<typeof WorkerPlace>[];
  observed: NonNullable<Observation["jobs"]>[number] | null;
}

const Intent = z.record(z.string(), z.unknown());

export const toRun = (row: RunRow): Run => ({
  ...row,
  spec: RunSpec.parse(row.spec),
  resources: RunResources.parse(row.resources),
  intent: Intent.parse(row.intent),
  progress: Progress.nullable().parse(row.progress),
  result: RunResult.nullable().parse(row.result),
  cause: Cause.nullable().parse(row.cause),
  startCheckpoint: CheckpointRef.nullable().parse(row.startCheckpoint),
});

export const toAttempt = (row: AttemptRow): Attempt => ({
  ...row,
  cause: Cause.nullable().parse(row.cause),
  workers: z.array(WorkerPlace).parse(row.workers),
  observed: ObservedJob.nullable().parse(row.observed),
});

/** What an attempt of a run takes of the cluster. */
export const takenBy = (
  { resources }: Pick<Run, "resources">,
  { workerCount }: Pick<Attempt, "workerCount">,
): Resources => ({ workers: workerCount, cpus: resources.cpus, gpus: resources.gpus });
