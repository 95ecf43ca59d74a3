/** Launching training runs, and making versions of what they result in. */
import { z } from "zod";
import { record } from "../audit/service";
import { refuseOverBudget } from "../cost/service";
import { datasetRef } from "../datasets/service";
import { defaultClusterId, readNodes } from "../engine/service";
import { MadeBy, type Precision } from "../models/contract";
import {
  canBeLearnt,
  createVersionFromRun,
  datasetsFor,
  refuseMisfit,
  refuseToTrain,
  versionForWork,
} from "../models/service";
import { type TeamContext, transact } from "../platform/context";
import type { Db, Transaction } from "../platform/db";
import { Invalid } from "../platform/errors";
import { type RunResources, TrainHyper, TrainSpec } from "../runs/contract";
import {
  createRun,
  expectedPrice,
  type Finisher,
  fitNow,
  refuseOversized,
  refuseUnpriced,
} from "../runs/service";
import { Recipe } from "../studio/contract";
import { type LaunchInput, type LaunchPlan, MoreHyper, type PlanInput, type TrainMode } from "./contract";
import { planLaunch } from "./plan";
import { findRunsLike } from "./repo";
import { differences } from "./sweep";

const CPUS_PER_WORKER = 1;

const TITLES: Record<TrainMode, string> = {
  recover: "Recover",
  fine_tune: "Fine-tune",
  from_scratch: "Train from scratch",
};

/** What the version's graph was lowered to; static int8 was the only way before recipes named another. */
const precisionOf = (madeBy: MadeBy | undefined): Precision =>
  (madeBy?.kind === "compress" ? madeBy.recipe.precision : madeBy?.precision) ?? "int8";

/** The oldest ancestor: what a compressed version learns from. */
async function rootOf(db: Db, teamId: string, versionId: string) {
  let work = await versionForWork(db, teamId, versionId);
  while (work.version.parentId) work = await versionForWork(db, teamId, work.version.parentId);
  return work;
}

/** @throws Invalid when the version's tier does not allow training */
export async function launch(ctx: TeamContext, input: LaunchInput) {
  const create = await prepare(ctx, input);
  return transact(ctx, async (tx) => {
    await refuseOverBudget(tx, ctx.teamId);
    return create(tx);
  });
}

/** Launches all of them, or none; each is named by what it does not share with the others. @throws as `launch` */
export async function launchSweep(ctx: TeamContext, inputs: readonly LaunchInput[]) {
  const names = differences(inputs);
  const creates: ((tx: Transaction) => Promise<{ number: number }>)[] = [];
  for (const [index, input] of inputs.entries()) creates.push(await prepare(ctx, input, names[index]));
  return transact(ctx, async (tx) => {
    await refuseOverBudget(tx, ctx.teamId);
    const numbers: number[] = [];
    for (const create of creates) numbers.push((await create(tx)).number);
    return { numbers };
  });
}

/** Checks a launch, and answers what makes its run. @param name what it differs by from others of its sweep */
async function prepare(ctx: TeamContext, input: LaunchInput, name?: string) {
  const work = await versionForWork(ctx.db, ctx.teamId, input.versionId);
  const { version } = work;
  if (version.tier === null || version.tier > 2) {
    throw new Invalid(
      `${work.model.name} v${version.number} can't be trained: it is tier ${version.tier ?? "unknown"}.`,
      {
        code: "not_trainable",
        remedy: "Its version page names the node that limits it. It can still be served.",
      },
    );
  }
  const dataset = await datasetRef(ctx.db, ctx.teamId, input.datasetId);
  refuseMisfit(work, dataset);
  refuseToTrain(dataset);
  const fromScratch = input.mode === "from_scratch";
  const root = await rootOf(ctx.db, ctx.teamId, input.versionId);
  const baseline = fromScratch ? work : root;
  const resources = await resourcesOf(ctx.db, input);
  await refuseOversized(ctx.db, resources);
  await refuseUnpriced(ctx.db, input.maxCost);
  const madeBy = MadeBy.safeParse(version.recipe);
  const precision = work.digest === work.floatDigest ? "fp32" : precisionOf(madeBy.data);
  const recipe = z.object({ recipe: Recipe }).safeParse(version.recipe);
  const spec = TrainSpec.parse({
    kind: "train",
    init: { from: "version", blob: work.floatDigest, weights: fromScratch ? "fresh" : "kept" },
    teacher: input.mode === "recover" ? { blob: root.digest } : null,
    keepMasks: !fromScratch,
    precision,
    recipe: recipe.success ? recipe.data.recipe : null,
    baseline: baseline.digest,
    dataset,
    hyper: TrainHyper.parse({
      ...MoreHyper.parse(input),
      epochs: input.epochs,
      globalBatch: input.globalBatch,
      lr: input.lr,
      seed: input.seed,
      checkpointEverySteps: input.checkpointEverySteps,
    }),
  });
  const what = `${TITLES[input.mode]} ${work.model.name} v${version.number}`;
  const title = name ? `${what}, ${name}` : what;
  return async (tx: Transaction) => {
    const created = await createRun(tx, ctx, {
      kind: "train",
      title,
      spec,
      resources,
      modelId: version.modelId,
      versionId: version.id,
      datasetId: input.datasetId,
      maxAttempts: input.attempts,
      priority: input.priority,
      maxHours: input.maxHours,
      maxCost: input.maxCost,
      intent: { note: input.note, mode: input.mode, baselineVersionId: baseline.version.id },
    });
    await record(tx, ctx, {
      action: "run.launched",
      target: { kind: "run", id: created.id },
      summary: `Launched run ${created.number}: ${title} on ${workersSay(resources)}`,
      after: { version: version.id, dataset: input.datasetId, resources, hyper: spec.hyper },
    });
    return created;
  };
}

/** What a launch from this version can be made of. */
export async function options(ctx: TeamContext, versionId: string) {
  const work = await versionForWork(ctx.db, ctx.teamId, versionId);
  const root = await rootOf(ctx.db, ctx.teamId, versionId);
  const datasets = (await datasetsFor(ctx.db, ctx.teamId, work)).filter(canBeLearnt);
  return {
    model: work.model.name,
    number: work.version.number,
    digest: work.digest,
    tier: work.version.tier,
    quantized: work.digest !== work.floatDigest,
    teacher: { number: root.version.number, digest: root.digest, isItself: root.version.id === versionId },
    datasets,
  };
}

const workersSay = ({ workers, minWorkers }: z.infer<typeof RunResources>): string =>
  `${minWorkers < workers ? `${minWorkers} to ` : ""}${workers} workers`;

/** Each with a GPU where as many are free as it takes to begin. */
async function resourcesOf(db: Db, { workers, minWorkers }: Pick<LaunchInput, "workers" | "minWorkers">) {
  const { up } = await readNodes(db, await defaultClusterId(db));
  const gpusFree = up.reduce((sum, { gpus, gpusUsed }) => sum + Math.max(0, gpus - gpusUsed), 0);
  const least = minWorkers ?? workers;
  return { workers, minWorkers: least, cpus: CPUS_PER_WORKER, gpus: gpusFree >= least ? 1 : 0 };
}

/** What a launch with these choices would lead to. */
export async function plan(ctx: TeamContext, input: z.infer<typeof PlanInput>): Promise<LaunchPlan> {
  const { trainSamples } = await datasetSize(ctx, input.datasetId);
  const resources = await resourcesOf(ctx.db, input);
  return planLaunch({
    ...input,
    trainSamples,
    fit: await fitNow(ctx.db, resources),
    costsPerHour: await expectedPrice(ctx.db, resources),
    ...(await findRunsLike(ctx.db, ctx.teamId, input)),
  });
}

async function datasetSize(ctx: TeamContext, datasetId: string): Promise<{ trainSamples: number }> {
  const { report } = await datasetRef(ctx.db, ctx.teamId, datasetId);
  return { trainSamples: report.train };
}

/** Runs launched before training from scratch named the root, which was always the baseline. */
const Intent = z
  .object({
    note: z.string(),
    mode: z.string(),
    baselineVersionId: z.string().optional(),
    rootVersionId: z.string().optional(),
  })
  .transform(({ note, mode, baselineVersionId, rootVersionId }) => ({
    note,
    mode,
    baselineVersionId: z.string().parse(baselineVersionId ?? rootVersionId),
  }));

/** A finished training run becomes a version, in the transaction that ends the run. */
export const finishTraining: Finisher = async (tx, run, outcome) => {
  if (outcome.state !== "succeeded" || outcome.result.kind !== "train" || !run.modelId || !run.versionId)
    return;
  const intent = Intent.parse(run.intent);
  const spec = TrainSpec.parse(run.spec);
  const { result } = outcome;
  await createVersionFromRun(tx, run, {
    modelId: run.modelId,
    parentId: run.versionId,
    baselineId: intent.baselineVersionId,
    datasetId: spec.dataset.datasetId,
    origin: "train",
    artifacts: result.artifacts,
    recipe: {
      kind: "train",
      mode: intent.mode,
      hyper: spec.hyper,
      teacher: spec.teacher,
      precision: spec.precision,
      recipe: spec.recipe,
    },
    note: intent.note,
    provenance: { steps: result.steps, seconds: result.seconds, environment: result.environment },
  });
};
