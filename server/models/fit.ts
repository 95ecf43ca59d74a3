/** Which datasets a version can be fed. */
import type { DatasetReport } from "../datasets/contract";
import { asked } from "../datasets/contract";
import { datasetRef, readyDatasets } from "../datasets/service";
import type { Db } from "../platform/db";
import { Invalid } from "../platform/errors";
import { Cause, Progress } from "../runs/contract";
import {
  answersTask,
  fitsSamples,
  Inspection,
  needsBaseline,
  TensorSpec,
  TriedBatch,
  takesSamples,
} from "./contract";
import * as repo from "./repo";

/** Models whose fit is looked at. */
const LOOKED_AT = 200;

interface Work {
  version: { id: string; inspection: unknown };
  model: { name: string };
}

type Samples = Pick<DatasetReport, "shape" | "classes" | "task" | "labelShape"> &
  Partial<Pick<DatasetReport, "table">>;

/** A run that cannot end well is not started. @throws Invalid */
export function refuseMisfit({ version, model }: Work, dataset: { name: string; report: Samples }): void {
  const { inputs, outputs } = Inspection.parse(version.inspection);
  const { shape, table } = dataset.report;
  if (!takesSamples(inputs, shape)) {
    const wanted = inputs[0]?.shape.slice(1).map((n) => n ?? "any");
    const columns = table?.mapping.features?.join(", ");
    throw new Invalid(
      `${model.name} takes ${wanted?.join("×")}, but samples of ${dataset.name} are ${shape.join("×")}${columns ? ` (${columns})` : ""}.`,
      {
        code: "shapes_differ",
        remedy: table
          ? "Upload the table again with as many feature columns as the model takes, or choose another dataset."
          : "Choose a dataset of the model's input shape.",
      },
    );
  }
  const { classes, task, labelShape } = dataset.report;
  if (answersTask(outputs, { task, classes: classes.length, labelShape })) return;
  if (task === "classification") {
    throw new Invalid(
      `${model.name} tells ${outputs[0]?.shape.at(-1)} classes apart, but ${dataset.name} has ${classes.length}.`,
      { code: "classes_differ", remedy: "Choose a dataset with the model's classes." },
    );
  }
  const answers = outputs[0]?.shape.slice(1).map((n) => n ?? "any");
  throw new Invalid(
    `${model.name} answers ${answers?.join("×")} for a sample, but ${dataset.name} asks for ${asked(dataset.report)}.`,
    { code: "answers_differ", remedy: "Choose a dataset whose labels have the shape of the model's output." },
  );
}

/** @throws Invalid */
export function refuseAlone(dataset: { name: string; report: Samples }, baseline: unknown): void {
  if (!needsBaseline(dataset.report.task) || baseline) return;
  throw new Invalid(`${dataset.name} has no labels, so a version can only be compared on it.`, {
    code: "needs_baseline",
    remedy: "Name a version to compare with, or choose a dataset with labels.",
  });
}

/** Training runs learn single classes. */
export const canBeLearnt = ({ task }: Pick<Samples, "task">): boolean => task === "classification";

/** @throws Invalid */
export function refuseToTrain(dataset: { name: string; report: Samples }): void {
  if (canBeLearnt(dataset.report)) return;
  throw new Invalid(
    `Training runs learn single classes, but ${dataset.name} asks for ${asked(dataset.report)}.`,
    {
      code: "task_not_trainable",
      remedy:
        "Recover in the studio, which learns the version's own answers again, or choose another dataset.",
    },
  );
}

/**
 * Models whose newest ready version takes the samples of a dataset and answers what it asks, each with its last test
 * batch. @throws NotFound, Conflict
 */
export async function versionsFitting(db: Db, teamId: string, datasetId: string) {
  const { report } = await datasetRef(db, teamId, datasetId);
  const newest = await repo.listNewestReady(db, teamId, LOOKED_AT);
  const fitting = newest.filter(({ inputs, outputs }) =>
    fitsSamples(
      { inputs: TensorSpec.array().parse(inputs), outputs: TensorSpec.array().parse(outputs) },
      report,
    ),
  );
  const tries = await newestTries(
    db,
    teamId,
    datasetId,
    fitting.map(({ id }) => id),
  );
  return fitting.map(({ id, model, number }) => ({ id, model, number, tried: tries.get(id) ?? null }));
}

/** How the newest try of each of these versions on a dataset stands, by version; none where nobody tried. */
async function newestTries(db: Db, teamId: string, datasetId: string, versionIds: readonly string[]) {
  const rows = await repo.listNewestTries(db, teamId, datasetId, versionIds);
  return new Map(
    rows.map(({ versionId, batch, progress, cause, ...run }) => [
      versionId,
      {
        ...run,
        progress: Progress.nullable().parse(progress),
        cause: Cause.nullable().parse(cause),
        batch: TriedBatch.nullable().parse(batch),
      },
    ]),
  );
}

/** Datasets that are ready and fit this version, samples and labels: the one that it was last measured on, then the newest first. */
export async function datasetsFor(db: Db, teamId: string, { version }: Work) {
  const inspection = Inspection.parse(version.inspection);
  const fitting = (await readyDatasets(db, teamId)).filter((d) => fitsSamples(inspection, d));
  const [last] = await repo.listEvaluations(db, teamId, version.id);
  return fitting.toSorted((a, b) => Number(b.id === last?.datasetId) - Number(a.id === last?.datasetId));
}
