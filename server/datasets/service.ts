/** Datasets: uploads that are checked before they are accepted, and what workers need to open them. */
import { z } from "zod";
import { record } from "../audit/service";
import { Refusal } from "../platform/atoms";
import { registerBlob } from "../platform/blobs";
import { digestOf } from "../platform/canonical";
import { type TeamContext, transact } from "../platform/context";
import type { Db, Transaction } from "../platform/db";
import { Conflict, Invalid, NotFound, sqlState } from "../platform/errors";
import { newId } from "../platform/ids";
import { emit } from "../platform/live/outbox";
import { takeUpload } from "../platform/uploads/service";
import { Cause, InspectDatasetResult, InspectDatasetSpec, Progress } from "../runs/contract";
import { createRun, type Finisher } from "../runs/service";
import {
  type CreateDataset,
  DatasetFile,
  DatasetRef,
  DatasetReport,
  type DatasetTask,
  formatOf,
  formatsProblem,
  type ListDatasets,
  Split,
  type TableMapping,
  Transform,
} from "./contract";
import * as repo from "./repo";

/** More than fit into a list to choose from. */
const CHOICES = 100;
const CheckIntent = z.object({
  takesFoundTransform: z.boolean(),
  /** Whom a test batch is tried on. */
  tryOn: z.object({ model: z.string(), number: z.number().int() }).nullable().default(null),
});
const ReportOfList = DatasetReport.omit({ previews: true, rows: true, table: true });

export async function list(ctx: TeamContext, input: z.infer<typeof ListDatasets>) {
  const rows = await repo.listDatasets(ctx.db, ctx.teamId, {
    query: input.query,
    cursor: input.cursor ?? null,
    limit: input.limit + 1,
  });
  const page = rows.slice(0, input.limit);
  return {
    datasets: page.map((row) => ({
      ...row,
      bytes: totalBytes(DatasetFile.array().parse(row.files)),
      files: undefined,
      report: ReportOfList.nullable().parse(row.report),
      refusal: Refusal.nullable().parse(row.refusal),
    })),
    nextCursor: rows.length > input.limit ? (page.at(-1)?.cursor ?? null) : null,
    total: await repo.countDatasets(ctx.db, ctx.teamId),
  };
}

const totalBytes = (files: DatasetFile[]): number => files.reduce((sum, file) => sum + file.bytes, 0);

/** Everything the page of one dataset shows. */
export async function page(ctx: TeamContext, name: string) {
  const found = await repo.findDataset(ctx.db, ctx.teamId, { name });
  if (!found) throw new NotFound(`There is no dataset "${name}" in this team.`);
  const { dataset, run, createdByName } = found;
  const files = DatasetFile.array().parse(dataset.files);
  return {
    ...dataset,
    files,
    bytes: totalBytes(files),
    split: Split.parse(dataset.split),
    transform: Transform.parse(dataset.transform),
    report: DatasetReport.nullable().parse(dataset.report),
    refusal: Refusal.nullable().parse(dataset.refusal),
    createdByName,
    uses: await repo.countUses(ctx.db, ctx.teamId, dataset.id),
    run: run && {
      id: run.id,
      number: run.number,
      state: run.state,
      progress: Progress.nullable().parse(run.progress),
      cause: Cause.nullable().parse(run.cause),
    },
    batch: run && batchOf(run),
  };
}

/** The test batch that a check ended with, and whose it was; null without one. */
function batchOf(run: { intent: unknown; result: unknown }) {
  const { tryOn } = CheckIntent.pick({ tryOn: true }).parse(run.intent);
  const batch = InspectDatasetResult.pick({ batch: true }).nullable().parse(run.result)?.batch;
  return tryOn && batch ? { ...tryOn, ...batch } : null;
}

/** What a worker needs to open a dataset, with what its check found of it. @throws NotFound, Conflict */
export async function datasetRef(
  db: Db,
  teamId: string,
  datasetId: string,
): Promise<DatasetRef & { report: DatasetReport; labels: string[] }> {
  const found = await repo.findDataset(db, teamId, { id: datasetId });
  if (!found) throw new NotFound("There is no such dataset in this team.");
  const { dataset } = found;
  if (dataset.state !== "ready") {
    throw new Conflict(`Dataset ${dataset.name} is ${dataset.state}.`, {
      code: "dataset_not_ready",
      remedy: dataset.state === "checking" ? "Wait until its check has ended." : "Its page says why.",
    });
  }
  const { name, split, transform, labels } = dataset;
  const report = DatasetReport.parse(dataset.report);
  const { task } = report;
  // What was converted is read as arrays; nobody parses the upload again.
  const files = report.prepared.length > 0 ? report.prepared : dataset.files;
  return { ...DatasetRef.parse({ datasetId, name, files, split, transform, task }), report, labels };
}

type Choice = Pick<DatasetReport, "n" | "test" | "shape" | "task" | "classes" | "labelShape">;

/** Datasets that can be chosen, newest first, with what there is of their samples. */
export async function readyDatasets(
  db: Db,
  teamId: string,
): Promise<({ id: string; name: string } & Choice)[]> {
  const rows = await repo.listDatasets(db, teamId, { query: "", cursor: null, limit: CHOICES });
  return rows
    .filter((row) => row.state === "ready")
    .map(({ id, name, report }) => {
      const { n, test, shape, task, classes, labelShape } = ReportOfList.parse(report);
      return { id, name, n, test, shape, task, classes, labelShape };
    });
}

/** A version that a test batch is tried on, as the models' slice answers it. */
interface TryOn {
  version: { id: string; number: number; modelId: string };
  model: { name: string };
  digest: string;
}
type NewUpload = Omit<CreateDataset, "tryOn"> & { tryOn: TryOn | null };

/** A new dataset from finished uploads, and the run that checks it. @throws NotFound, Conflict, Invalid */
export async function createDataset(ctx: TeamContext, input: NewUpload) {
  return transact(ctx, async (tx) => {
    const files: DatasetFile[] = [];
    for (const { uploadId, role } of input.files) {
      const { filename, sha256, bytes } = await takeUpload(tx, ctx, uploadId, "dataset");
      files.push({ role, format: formatOf(role, filename), sha256, bytes, name: filename });
    }
    const problem = formatsProblem(files, input.split.kind);
    if (problem) {
      throw new Invalid(`These files make no dataset: ${problem}.`, {
        code: "formats_differ",
        remedy: "Choose other files, or another split.",
      });
    }
    return insert(tx, ctx, { ...input, files, origin: "upload" });
  });
}

interface NewDataset
  extends Pick<NewUpload, "name" | "split" | "transform" | "mapping" | "task" | "labels" | "tryOn"> {
  files: DatasetFile[];
  origin: "upload" | "sample";
}

/** The sample dataset from files that are in the blob store already; the rest is what an upload goes through. */
export async function createSampleDataset(
  tx: Transaction,
  ctx: TeamContext,
  input: Omit<NewDataset, "origin" | "mapping" | "task" | "tryOn">,
) {
  for (const file of input.files) await registerBlob(tx, ctx.teamId, file);
  return insert(tx, ctx, {
    ...input,
    mapping: null,
    task: "classification",
    tryOn: null,
    origin: "sample",
  });
}

/** A dataset's digest: equal bytes, split, transform, task and, of a table, mapping are the same dataset. */
const datasetDigest = (
  files: readonly DatasetFile[],
  split: Split,
  transform: Transform,
  mapping: TableMapping | null = null,
  task: DatasetTask = "classification",
): string =>
  digestOf({
    files: files.map((f) => `${f.role}:${f.sha256}`).sort(),
    split,
    transform,
    ...(mapping && { mapping }),
    // Digests from before there were tasks stay what they were.
    ...(task !== "classification" && { task }),
  });

async function insert(tx: Transaction, ctx: TeamContext, input: NewDataset) {
  const id = newId("ds");
  const { name, files, split, labels, origin, tryOn } = input;
  const transform = input.transform ?? Transform.parse({});
  try {
    // A savepoint: a name that is taken must not end the caller's transaction unread.
    await tx.transaction((inner) =>
      repo.insertDataset(inner, {
        id,
        teamId: ctx.teamId,
        name,
        digest: datasetDigest(files, split, transform),
        state: "checking",
        origin,
        files,
        split,
        transform,
        labels,
        createdBy: ctx.actor.kind === "person" ? ctx.actor.id : null,
      }),
    );
  } catch (error) {
    if (sqlState(error) !== "23505") throw error;
    throw new Conflict(`There is already a dataset named ${name}.`, {
      code: "name_taken",
      remedy: "Choose another name.",
    });
  }
  const run = await createRun(tx, ctx, {
    kind: "inspect_dataset",
    title: `Check ${name}`,
    spec: InspectDatasetSpec.parse({
      kind: "inspect_dataset",
      files,
      split,
      transform: input.transform,
      mapping: input.mapping,
      task: input.task,
      labels,
      model: tryOn?.digest ?? null,
    }),
    resources: { workers: 1, cpus: 1, gpus: 0 },
    modelId: tryOn?.version.modelId ?? null,
    versionId: tryOn?.version.id ?? null,
    datasetId: id,
    maxAttempts: 2,
    intent: {
      takesFoundTransform: input.transform === null,
      tryOn: tryOn && { model: tryOn.model.name, number: tryOn.version.number },
    },
  });
  await repo.setRun(tx, ctx.teamId, id, run.id);
  await record(tx, ctx, {
    action: "dataset.uploaded",
    target: { kind: "dataset", id },
    summary: `Uploaded dataset ${name}`,
    after: { files: files.map(({ role, sha256, bytes }) => ({ role, sha256, bytes })), split, origin },
  });
  await emit(tx, { teamId: ctx.teamId, topic: "datasets", key: id });
  return { datasetId: id, name };
}

/** The sample dataset of a team, once it is ready. */
export const findSample = (db: Db, teamId: string): Promise<string | null> => repo.findSample(db, teamId);

/** A check ends: the dataset is ready, refused with the rule, or failed when nobody could look. */
export const finishCheck: Finisher = async (tx, run, outcome) => {
  if (!run.datasetId) return;
  const found = await repo.findDataset(tx, run.teamId, { id: run.datasetId });
  if (!found) return;
  const result =
    outcome.state === "succeeded" && outcome.result.kind === "inspect_dataset" ? outcome.result : null;
  const settle = (what: Parameters<typeof repo.settleDataset>[3]) =>
    repo.settleDataset(tx, run.teamId, found.dataset.id, what);
  if (result?.report) {
    const { report } = result;
    const { takesFoundTransform } = CheckIntent.parse(run.intent);
    const transform = takesFoundTransform ? report.transform : Transform.parse(found.dataset.transform);
    const split = report.split ?? Split.parse(found.dataset.split);
    const digest = datasetDigest(
      DatasetFile.array().parse(found.dataset.files),
      split,
      transform,
      report.table?.mapping,
      report.task,
    );
    const labels = found.dataset.labels.length > 0 ? found.dataset.labels : report.labels;
    await settle({ state: "ready", report, transform, digest, split, labels });
  } else if (result?.refusal) {
    await settle({ state: "refused", refusal: result.refusal });
  } else {
    await settle({ state: "failed" });
  }
  await emit(tx, { teamId: run.teamId, topic: "datasets", key: found.dataset.id });
};
