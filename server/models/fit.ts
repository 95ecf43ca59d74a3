/** Which datasets a version can be fed. */
import { readyDatasets } from "../datasets/service";
import type { Db } from "../platform/db";
import { Invalid } from "../platform/errors";
import { Inspection, takesSamples } from "./contract";
import * as repo from "./repo";

interface Work {
  version: { id: string; inspection: unknown };
  model: { name: string };
}

/** A run that cannot end well is not started. @throws Invalid */
export function refuseMisfit(
  { version, model }: Work,
  dataset: { name: string; report: { shape: readonly number[] } },
): void {
  const { inputs } = Inspection.parse(version.inspection);
  const { shape } = dataset.report;
  if (takesSamples(inputs, shape)) return;
  const wanted = inputs[0]?.shape.slice(1).join("×");
  throw new Invalid(`${model.name} takes ${wanted}, but samples of ${dataset.name} are ${shape.join("×")}.`, {
    code: "shapes_differ",
    remedy: "Choose a dataset of the model's input shape.",
  });
}

/** Datasets that are ready and fit this version: the one that it was last measured on, then the newest first. */
export async function datasetsFor(db: Db, teamId: string, { version }: Work) {
  const { inputs } = Inspection.parse(version.inspection);
  const fitting = (await readyDatasets(db, teamId)).filter((d) => takesSamples(inputs, d.shape));
  const [last] = await repo.listEvaluations(db, teamId, version.id);
  return fitting.toSorted((a, b) => Number(b.id === last?.datasetId) - Number(a.id === last?.datasetId));
}
