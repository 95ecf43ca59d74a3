/** Models and their versions: lists and pages, uploads, inspection's verdict, evaluations, lineage. */
import type { z } from "zod";
import { record } from "../audit/service";
import { refuseOverBudget } from "../cost/service";
import { datasetRef } from "../datasets/service";
import { locateBlob, registerBlob } from "../platform/blobs";
import { config } from "../platform/config";
import { type TeamContext, transact } from "../platform/context";
import type { Db, Transaction } from "../platform/db";
import { Conflict, NotFound, sqlState } from "../platform/errors";
import { newId } from "../platform/ids";
import { emit } from "../platform/live/outbox";
import { takeUpload } from "../platform/uploads/service";
import { Cause, EvaluateSpec, InspectModelSpec, Progress } from "../runs/contract";
import { createRun } from "../runs/service";
import { artifactOf } from "../runs/tracking/service";
import {
  type CreateFromArtifact,
  type CreateFromUpload,
  type Evaluate,
  EvaluationResult,
  Inspection,
  type ListModels,
  MadeBy,
  type NewVersion,
  Provenance,
  Refusal as RefusalShape,
  Sizes,
} from "./contract";
import { refuseAlone, refuseMisfit } from "./fit";
import * as repo from "./repo";
import { servingOf } from "./serving";

/** Limits of the sandbox that opens a stranger's file. */
const INSPECT_LIMITS = { memoryBytes: 4_000_000_000, seconds: 120 };
const ONE_CPU = { workers: 1, cpus: 1, gpus: 0 };

export async function list(ctx: TeamContext, input: z.infer<typeof ListModels>) {
  const rows = await repo.listModels(ctx.db, ctx.teamId, {
    query: input.query,
    cursor: input.cursor ?? null,
    limit: input.limit + 1,
  });
  const page = rows.slice(0, input.limit);
  const serving = await servingOf(
    ctx.db,
    ctx.teamId,
    page.map((row) => row.id),
  );
  return {
    models: page.map((row) => ({ ...row, serving: serving?.get(row.id) ?? null })),
    nextCursor: rows.length > input.limit ? (page.at(-1)?.cursor ?? null) : null,
    total: await repo.countModels(ctx.db, ctx.teamId),
  };
}

/** A model with all its versions, oldest first. */
export async function page(ctx: TeamContext, name: string) {
  const model = await repo.findModelByName(ctx.db, ctx.teamId, name);
  if (!model) throw new NotFound(`There is no model "${name}" in this team.`);
  const versions = (await repo.listVersions(ctx.db, ctx.teamId, model.id)).map((v) => ({
    ...v,
    sizes: Sizes.nullable().parse(v.sizes),
    refusal: RefusalShape.nullable().parse(v.refusal),
    madeBy: MadeBy.nullable().parse(v.recipe),
    recipe: undefined,
  }));
  const serving = await servingOf(ctx.db, ctx.teamId, [model.id]);
  return { model, versions, serving: serving?.get(model.id) ?? null };
}

/** Everything the page of one version shows. */
export async function versionPage(ctx: TeamContext, input: { model: string; number: number }) {
  const found = await repo.findVersionByNumber(ctx.db, ctx.teamId, input.model, input.number);
  if (!found) throw new NotFound(`There is no ${input.model} v${input.number} in this team.`);
  const { version, model, createdByName } = await mustFind(ctx.db, ctx.teamId, found.id);
  const [family, evaluations, run, openRuns] = await Promise.all([
    page(ctx, model.name),
    repo.listEvaluations(ctx.db, ctx.teamId, version.id),
    version.runId ? repo.findRun(ctx.db, ctx.teamId, version.runId) : undefined,
    repo.listOpenRuns(ctx.db, ctx.teamId, version.id),
  ]);
  return {
    model,
    version: {
      ...version,
      recipe: undefined,
      inspection: Inspection.nullable().parse(version.inspection),
      sizes: Sizes.nullable().parse(version.sizes),
      refusal: RefusalShape.nullable().parse(version.refusal),
      madeBy: MadeBy.nullable().parse(version.recipe),
      provenance: Provenance.nullable().parse(version.provenance),
      createdByName,
    },
    lineage: lineageOf(family.versions, version.id),
    latestNumber: family.versions.at(-1)?.number ?? version.number,
    evaluations: evaluations.map((e) => ({ ...e, result: EvaluationResult.parse(e.result) })),
    run: run && { ...run, progress: Progress.nullable().parse(run.progress) },
    openRuns: openRuns.map((r) => ({ ...r, progress: Progress.nullable().parse(r.progress) })),
    serving: family.serving,
  };
}

/** How a run stands that makes a version, and the version once it has. @throws NotFound */
export async function madeByRun(db: Db, teamId: string, runId: string) {
  const run = await repo.findRun(db, teamId, runId);
  if (!run) throw new NotFound("There is no such run in this team.");
  return {
    number: run.number,
    state: run.state,
    progress: Progress.nullable().parse(run.progress),
    cause: Cause.nullable().parse(run.cause),
    made: (await repo.findMadeBy(db, teamId, runId)) ?? null,
  };
}

/** From the oldest ancestor to the version itself. */
function lineageOf<V extends { id: string; parentId: string | null }>(versions: V[], versionId: string): V[] {
  const byId = new Map(versions.map((v) => [v.id, v]));
  const line: V[] = [];
  for (let at = byId.get(versionId); at; at = at.parentId ? byId.get(at.parentId) : undefined)
    line.unshift(at);
  return line;
}

async function mustFind(db: Db, teamId: string, versionId: string) {
  const found = await repo.findVersion(db, teamId, versionId);
  if (!found) throw new NotFound("There is no such version in this team.");
  return found;
}

/** A version that can be worked with, for the studio, training and releases. @throws NotFound, Conflict */
export async function versionForWork(db: Db, teamId: string, versionId: string) {
  const { version, model } = await mustFind(db, teamId, versionId);
  if (version.state !== "ready") {
    throw new Conflict(`${model.name} v${version.number} is ${version.state}.`, {
      code: "version_not_ready",
      remedy:
        version.state === "inspecting"
          ? "Wait until its inspection has ended."
          : "Its page says why; upload it again.",
    });
  }
  const { digest, floatDigest, tier } = version;
  return { version, model, digest, floatDigest, tier };
}

/** The versions of a model as a merge asks of them, oldest first. */
export async function kinOf(db: Db, teamId: string, modelId: string, datasetId: string | null) {
  const rows = await repo.listKin(db, teamId, modelId, datasetId);
  return rows.map((row) => ({ ...row, inspection: Inspection.nullable().parse(row.inspection) }));
}

/** Where the bytes of a version are, for its download. A refused file is kept out: nobody gets it back from here. */
export async function openDownload(ctx: TeamContext, versionId: string) {
  const { version, model } = await versionForWork(ctx.db, ctx.teamId, versionId);
  const file = await locateBlob(ctx.db, ctx.teamId, version.digest);
  return { ...file, sha256: version.digest, name: `${model.name}-v${version.number}.onnx` };
}

/** A new version from a finished upload, and the run that inspects it. @throws NotFound, Conflict, Invalid */
export async function createFromUpload(ctx: TeamContext, input: CreateFromUpload) {
  return transact(ctx, async (tx) => {
    const file = await takeUpload(tx, ctx, input.uploadId, "model");
    const modelId = await modelOf(tx, ctx, input);
    return createVersion(tx, ctx, { ...file, modelId, origin: "upload", note: input.note, provenance: null });
  });
}

/** A new version from a file that a script logged; it is inspected like a stranger's. @throws NotFound, Conflict */
export async function createFromArtifact(ctx: TeamContext, input: CreateFromArtifact) {
  const file = await artifactOf(ctx, input.run, input.path);
  return transact(ctx, async (tx) =>
    createVersion(tx, ctx, {
      ...file,
      modelId: await modelOf(tx, ctx, input),
      filename: input.path.split("/").at(-1) ?? input.path,
      origin: "script",
      note: input.note,
      provenance: { loggedBy: input.run, artifact: input.path },
    }),
  );
}

const modelOf = async (tx: Transaction, ctx: TeamContext, { model }: NewVersion): Promise<string> =>
  model.is === "new" ? createModel(tx, ctx, model) : model.modelId;

async function createModel(tx: Transaction, ctx: TeamContext, input: { name: string; task: string }) {
  const id = newId("mdl");
  try {
    // A savepoint: a name that is taken must not end the caller's transaction unread.
    await tx.transaction((inner) =>
      repo.insertModel(inner, {
        id,
        teamId: ctx.teamId,
        name: input.name,
        task: input.task,
        createdBy: ctx.actor.kind === "person" ? ctx.actor.id : null,
      }),
    );
  } catch (error) {
    if (sqlState(error) !== "23505") throw error;
    throw new Conflict(`There is already a model named ${input.name}.`, {
      code: "name_taken",
      remedy: "Choose another name, or add a version to it.",
    });
  }
  return id;
}

interface InspectedFile {
  modelId: string;
  filename: string;
  sha256: string;
  bytes: number;
  origin: "upload" | "sample" | "script";
  note: string;
  provenance: Provenance | null;
}

/** The one way a stranger's file becomes a version: a row that says "inspecting", and the run that opens it. */
async function createVersion(tx: Transaction, ctx: TeamContext, input: InspectedFile) {
  const taken = await repo.takeNumber(tx, ctx.teamId, input.modelId);
  if (!taken) throw new NotFound("There is no such model in this team.");
  const versionId = newId("ver");
  await repo.insertVersion(tx, {
    id: versionId,
    teamId: ctx.teamId,
    modelId: input.modelId,
    number: taken.number,
    digest: input.sha256,
    floatDigest: input.sha256,
    bytes: input.bytes,
    filename: input.filename,
    state: "inspecting",
    origin: input.origin,
    note: input.note,
    provenance: input.provenance,
    createdBy: ctx.actor.kind === "person" ? ctx.actor.id : null,
  });
  const run = await createRun(tx, ctx, {
    kind: "inspect_model",
    title: `Inspect ${taken.name} v${taken.number}`,
    spec: InspectModelSpec.parse({
      kind: "inspect_model",
      blob: input.sha256,
      filename: input.filename,
      limits: { bytes: config().modelMaxBytes, ...INSPECT_LIMITS },
    }),
    resources: ONE_CPU,
    modelId: input.modelId,
    versionId,
    maxAttempts: 2,
  });
  await repo.setRun(tx, ctx.teamId, versionId, run.id);
  await record(tx, ctx, {
    action: "version.uploaded",
    target: { kind: "version", id: versionId },
    summary: `${input.origin === "script" ? `Took ${input.filename} of run ${input.provenance?.loggedBy}` : `Uploaded ${input.filename}`} as ${taken.name} v${taken.number}`,
    after: {
      digest: input.sha256,
      bytes: input.bytes,
      origin: input.origin,
      ...(input.origin === "script" && input.provenance),
    },
  });
  await emit(tx, { teamId: ctx.teamId, topic: "models", key: versionId });
  return { versionId, modelId: input.modelId, model: taken.name, number: taken.number };
}

/** A sample model from a file that is in the blob store already; the rest is what an upload goes through. */
export async function createSampleVersion(
  tx: Transaction,
  ctx: TeamContext,
  input: {
    name: string;
    task: string;
    filename: string;
    sha256: string;
    bytes: number;
    provenance: Provenance;
  },
) {
  await registerBlob(tx, ctx.teamId, input);
  const modelId = await createModel(tx, ctx, input);
  return createVersion(tx, ctx, { ...input, modelId, origin: "sample", note: "The sample model." });
}

/** Starts a run that measures a version on a dataset. @throws NotFound, Conflict, Invalid */
export async function evaluate(ctx: TeamContext, input: z.infer<typeof Evaluate>) {
  return transact(ctx, async (tx) => {
    await refuseOverBudget(tx, ctx.teamId);
    return startEvaluation(tx, ctx, input);
  });
}

export async function startEvaluation(
  tx: Transaction,
  ctx: Pick<TeamContext, "teamId" | "actor" | "requestId">,
  input: z.infer<typeof Evaluate>,
) {
  const work = await versionForWork(tx, ctx.teamId, input.versionId);
  const dataset = await datasetRef(tx, ctx.teamId, input.datasetId);
  refuseMisfit(work, dataset);
  refuseAlone(dataset, input.baselineVersionId);
  const baseline = input.baselineVersionId
    ? await versionForWork(tx, ctx.teamId, input.baselineVersionId)
    : null;
  const name = `${work.model.name} v${work.version.number}`;
  const run = await createRun(tx, ctx, {
    kind: "evaluate",
    title: `Evaluate ${name} on ${dataset.name}`,
    spec: EvaluateSpec.parse({
      kind: "evaluate",
      candidate: work.digest,
      baseline: baseline?.digest ?? null,
      dataset,
    }),
    resources: ONE_CPU,
    modelId: work.version.modelId,
    versionId: input.versionId,
    datasetId: input.datasetId,
    intent: { baselineVersionId: input.baselineVersionId },
  });
  await record(tx, ctx, {
    action: "evaluation.started",
    target: { kind: "version", id: input.versionId },
    summary: `Started run ${run.number}: evaluate ${name} on ${dataset.name}`,
    after: { dataset: input.datasetId, baseline: input.baselineVersionId },
  });
  await emit(tx, { teamId: ctx.teamId, topic: "models", key: input.versionId });
  return run;
}

export {
  canBeLearnt,
  datasetsFor,
  refuseAlone,
  refuseMisfit,
  refuseToTrain,
  versionsFitting,
} from "./fit";
export { createVersionFromRun, finishEvaluation, finishInspection } from "./from-run";
