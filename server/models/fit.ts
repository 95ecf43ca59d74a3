/** Which datasets a version can be fed. */
import type { DatasetReport } from "../datasets/contract";
import { datasetRef, readyDatasets } from "../datasets/service";
import type { Db } from "../platform/db";
import { Invalid } from "../platform/errors";
import { answersClasses, Inspection, TensorSpec, takesSamples } from "./contract";
import * as repo from "./repo";

/** Models whose fit is looked at. */
const LOOKED_AT = 200;

interface Work {
  version: { id: string; inspection: unknown };
  model: { name: string };
}

type Samples = Pick<DatasetReport, "shape" | "classes"> & Partial<Pick<DatasetReport, "table">>;

/** A run that cannot end well is not started. @throws Invalid */
export function refuseMisfit({ version, model }: Work, dataset: { name: string; report: Samples }): void {
  const { inputs, outputs } = Inspection.parse(version.inspection);
  const { shape, classes, table } = dataset.report;
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
  if (!answersClasses(outputs, classes.length)) {
    throw new Invalid(
      `${model.name} tells ${outputs[0]?.shape.at(-1)} classes apart, but ${dataset.name} has ${classes.length}.`,
      { code: "classes_differ", remedy: "Choose a dataset with the model's classes." },
    );
  }
}

/** Models whose newest ready version takes the samples of a dataset and tells its classes apart. @throws Conflict */
export async function versionsFitting(db: Db, teamId: string, datasetId: string) {
  const { shape, classes } = (await datasetRef(db, teamId, datasetId)).report;
  const newest = await repo.listNewestReady(db, teamId, LOOKED_AT);
  return newest.flatMap(({ model, number, inputs, outputs }) => {
    const takes = takesSamples(TensorSpec.array().parse(inputs), shape);
    return takes && answersClasses(TensorSpec.array().parse(outputs), classes.length)
      ? [{ model, number }]
      : [];
  });
}

/** Datasets that are ready and fit this version: the one that it was last measured on, then the newest first. */
export async function datasetsFor(db: Db, teamId: string, { version }: Work) {
  const { inputs } = Inspection.parse(version.inspection);
  const fitting = (await readyDatasets(db, teamId)).filter((d) => takesSamples(inputs, d.shape));
  const [last] = await repo.listEvaluations(db, teamId, version.id);
  return fitting.toSorted((a, b) => Number(b.id === last?.datasetId) - Number(a.id === last?.datasetId));
}
