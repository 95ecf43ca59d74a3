/** Launching an engineer's own script. */
import type { z } from "zod";
import { record } from "../audit/service";
import { refuseOverBudget } from "../cost/service";
import { DatasetRef } from "../datasets/contract";
import { datasetRef, readyDatasets } from "../datasets/service";
import { defaultClusterId, readNodes } from "../engine/service";
import { type TeamContext, transact } from "../platform/context";
import { takeUpload } from "../platform/uploads/service";
import { type Fit, ScriptSpec } from "../runs/contract";
import { createRun, fitNow, refuseOversized, refuseUnpriced } from "../runs/service";
import { variablesOf, wordsOf } from "./command";
import type { ScriptInput, ScriptPlanInput } from "./contract";

/** What a script can be launched with here. */
export async function scriptOptions(ctx: TeamContext) {
  const { up, toCome } = await readNodes(ctx.db, await defaultClusterId(ctx.db));
  const datasets = await readyDatasets(ctx.db, ctx.teamId);
  return {
    datasets: datasets.map(({ id, name, n }) => ({ id, name, n })),
    hasGpus: [...up, ...toCome].some(({ gpus }) => gpus > 0),
  };
}

export const scriptPlan = (ctx: TeamContext, shape: z.infer<typeof ScriptPlanInput>): Promise<Fit> =>
  fitNow(ctx.db, shape);

/** @throws Invalid for workers that the cluster can never hold, NotFound for an upload that is not there */
export async function launchScript(ctx: TeamContext, input: ScriptInput) {
  const { workers, cpus, gpus } = input;
  await refuseOversized(ctx.db, { workers, cpus, gpus });
  await refuseUnpriced(ctx.db, input.maxCost);
  const [entry = "", ...args] = wordsOf(input.command) ?? [];
  const found = variablesOf(input.environment);
  const dataset = input.datasetId
    ? DatasetRef.parse(await datasetRef(ctx.db, ctx.teamId, input.datasetId))
    : null;
  return transact(ctx, async (tx) => {
    await refuseOverBudget(tx, ctx.teamId);
    const file = await takeUpload(tx, ctx, input.uploadId, "script");
    const spec = ScriptSpec.parse({
      kind: "script",
      code: file.sha256,
      filename: file.filename,
      entry,
      args,
      requirements: input.requirements,
      env: "variables" in found ? found.variables : {},
      dataset,
      stallSeconds: input.stallSeconds,
    });
    const title = input.name || `${file.filename}: ${entry}`;
    const created = await createRun(tx, ctx, {
      kind: "script",
      title,
      spec,
      resources: { workers, cpus, gpus },
      datasetId: input.datasetId,
      maxAttempts: input.attempts,
      priority: input.priority,
      maxHours: input.maxHours,
      maxCost: input.maxCost,
    });
    await record(tx, ctx, {
      action: "run.launched",
      target: { kind: "run", id: created.id },
      summary: `Launched run ${created.number}: ${title} on ${workers} workers`,
      // Values of variables may be secrets.
      after: {
        code: file.sha256,
        entry,
        args,
        variables: Object.keys(spec.env),
        dataset: input.datasetId,
        workers,
      },
    });
    return created;
  });
}
