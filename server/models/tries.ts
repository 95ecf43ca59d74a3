/** A batch of a dataset's test samples, fed to a version before anything long starts. */
import type { z } from "zod";
import { record } from "../audit/service";
import { refuseOverBudget } from "../cost/service";
import { datasetRef } from "../datasets/service";
import { type TeamContext, transact } from "../platform/context";
import { emit } from "../platform/live/outbox";
import { TryBatchSpec } from "../runs/contract";
import { createRun, type Finisher } from "../runs/service";
import type { TryBatch } from "./contract";
import { refuseMisfit } from "./fit";
import { versionForWork } from "./service";

/** Starts a run that feeds a test batch to a version. @throws NotFound, Conflict, Invalid */
export async function tryBatch(ctx: TeamContext, input: z.infer<typeof TryBatch>) {
  return transact(ctx, async (tx) => {
    await refuseOverBudget(tx, ctx.teamId);
    const work = await versionForWork(tx, ctx.teamId, input.versionId);
    const dataset = await datasetRef(tx, ctx.teamId, input.datasetId);
    refuseMisfit(work, dataset);
    const name = `${work.model.name} v${work.version.number}`;
    const run = await createRun(tx, ctx, {
      kind: "try_batch",
      title: `Try a batch of ${dataset.name} on ${name}`,
      spec: TryBatchSpec.parse({ kind: "try_batch", model: work.digest, dataset }),
      resources: { workers: 1, cpus: 1, gpus: 0 },
      modelId: work.version.modelId,
      versionId: input.versionId,
      datasetId: input.datasetId,
      maxAttempts: 1,
    });
    await record(tx, ctx, {
      action: "batch.tried",
      target: { kind: "version", id: input.versionId },
      summary: `Started run ${run.number}: try a batch of ${dataset.name} on ${name}`,
      after: { dataset: input.datasetId },
    });
    await emit(tx, { teamId: ctx.teamId, topic: "models", key: input.versionId });
    return run;
  });
}

/** A try ends: its run keeps the result, and screens that list it hear of it. */
export const finishTry: Finisher = async (tx, run) => {
  if (run.versionId) await emit(tx, { teamId: run.teamId, topic: "models", key: run.versionId });
};
