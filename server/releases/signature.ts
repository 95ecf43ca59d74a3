/** What the version that serves takes and gives, and the samples it can be tried with. */
import { and, desc, eq } from "drizzle-orm";
import { dataset } from "../../db/schema/datasets";
import { evaluation } from "../../db/schema/models";
import { DatasetReport } from "../datasets/contract";
import { Inspection } from "../models/contract";
import { datasetsFor, versionForWork } from "../models/service";
import type { TeamContext } from "../platform/context";
import type { Db } from "../platform/db";
import { Conflict } from "../platform/errors";
import type { Strategy } from "./rollout-contract";
import { strategyBreaks } from "./signature-fit";
import { type Signature, signatureOf } from "./v2-contract";

const SAMPLES = 10;

/** Null where V2 can't carry one of its tensors. */
export async function servedSignature(ctx: TeamContext, versionId: string): Promise<Signature | null> {
  const { version } = await versionForWork(ctx.db, ctx.teamId, versionId);
  return signatureOf(Inspection.parse(version.inspection));
}

/** A version that is ready, by its name, with what it takes and gives. */
export async function tensorsOf(db: Db, teamId: string, versionId: string) {
  const { version } = await versionForWork(db, teamId, versionId);
  const { inputs, outputs } = Inspection.parse(version.inspection);
  return { name: `v${version.number}`, inputs, outputs };
}

/**
 * Refuses to move traffic in a way that clients of what serves would not bear.
 *
 * @throws Conflict with the field that differs
 */
export async function refuseOtherSignature(
  db: Db,
  teamId: string,
  strategy: Strategy,
  { versionId, servingId }: { versionId: string; servingId: string | undefined },
): Promise<void> {
  if (strategy.kind === "at_once" || servingId === undefined || servingId === versionId) return;
  const [candidate, serving] = [
    await tensorsOf(db, teamId, versionId),
    await tensorsOf(db, teamId, servingId),
  ];
  const words = strategyBreaks(strategy, candidate, serving);
  if (words) {
    throw new Conflict(
      `A ${strategy.kind} of ${candidate.name} would break clients of ${serving.name}: ${words}.`,
      {
        code: "signature_differs",
        remedy: `Ask for all traffic at once when clients are ready for it, or export the model with the names, types and shapes of ${serving.name}.`,
      },
    );
  }
}

/**
 * The dataset that a version is measured on where nobody chooses one: the last, else the first that fits.
 * @throws Conflict where none fits
 */
export async function datasetToMeasureOn(ctx: TeamContext, versionId: string): Promise<string> {
  const work = await versionForWork(ctx.db, ctx.teamId, versionId);
  const fitting = await datasetsFor(ctx.db, ctx.teamId, work);
  const last = await lastMeasuredOn(ctx, versionId);
  const chosen = fitting.find(({ id }) => id === last?.id) ?? fitting[0];
  if (chosen) return chosen.id;
  throw new Conflict(`No dataset that is ready fits v${work.version.number}, so it can't be measured.`, {
    code: "no_dataset",
    remedy: "Add a dataset whose samples it takes.",
  });
}

/** The dataset that this version was last measured on, with what its check found. */
export async function lastMeasuredOn(ctx: TeamContext, versionId: string) {
  const [found] = await ctx.db
    .select({ id: dataset.id, name: dataset.name, report: dataset.report, labels: dataset.labels })
    .from(evaluation)
    .innerJoin(dataset, eq(dataset.id, evaluation.datasetId))
    .where(and(eq(evaluation.teamId, ctx.teamId), eq(evaluation.versionId, versionId)))
    .orderBy(desc(evaluation.createdAt))
    .limit(1);
  const report = DatasetReport.safeParse(found?.report);
  return found && report.success ? { ...found, report: report.data } : null;
}
type Measured = NonNullable<Awaited<ReturnType<typeof lastMeasuredOn>>>;

/** Pictures of a dataset, one of each class; null where it has none. */
export function picturesOf({ id, name, labels, report }: Measured) {
  if (report.previews.length === 0) return null;
  const seen = new Set<number>();
  const previews = report.previews.filter((p) => !seen.has(p.label) && seen.add(p.label)).slice(0, SAMPLES);
  return { datasetId: id, dataset: name, labels, previews };
}

/** Samples that are no pictures, those whose numbers are all there. */
export function rowsOf({ report }: Measured) {
  const size = report.shape.reduce((product, n) => product * n, 1);
  return report.rows
    .filter(({ values }) => values.length === size)
    .slice(0, SAMPLES)
    .map(({ sampleId, values }) => ({ sampleId, values }));
}
