/** Up to eight versions of a model side by side, on one dataset, each against a baseline among them. */
import { readFile } from "node:fs/promises";
import { locateBlob } from "../platform/blobs";
import type { TeamContext } from "../platform/context";
import { AppError, NotFound } from "../platform/errors";
import {
  type Compare,
  EvaluationResult,
  Inspection,
  MadeBy,
  type PairedDifference,
  Provenance,
  Sizes,
} from "./contract";
import { type Agreement, agreement, pairedDifference, pairedScores } from "./pairing";
import * as repo from "./repo";
import { servingOf } from "./serving";

type Row = Awaited<ReturnType<typeof repo.listForCompare>>[number];
type Measured = Awaited<ReturnType<typeof repo.newestEvaluations>>[number] & { result: EvaluationResult };

/** What is known of a version against the baseline. */
export interface Pair {
  paired: PairedDifference | null;
  /** Computed here from both versions' answers, or as it was measured when the version was made. */
  from: "answers" | "measured" | null;
  agreement: Agreement | null;
  /** Why something is not known. */
  reason: string | null;
}

/** @throws NotFound naming the versions that are not there */
export async function compare(ctx: TeamContext, input: Compare) {
  const model = await repo.findModelByName(ctx.db, ctx.teamId, input.model);
  if (!model) throw new NotFound(`There is no model "${input.model}" in this team.`);
  const wanted = [...new Set(input.versions)].sort((a, b) => a - b);
  const rows = await repo.listForCompare(ctx.db, ctx.teamId, model.id, wanted);
  const missing = wanted.filter((number) => !rows.some((row) => row.number === number));
  if (missing.length > 0)
    throw new NotFound(`${model.name} has no ${missing.map((number) => `v${number}`).join(", ")}.`, {
      remedy: "The model's page lists its versions; choose among those.",
    });
  const measured: Measured[] = (
    await repo.newestEvaluations(
      ctx.db,
      ctx.teamId,
      rows.map((row) => row.id),
    )
  ).map((found) => ({ ...found, result: EvaluationResult.parse(found.result) }));
  const datasets = datasetsOf(measured);
  const dataset = datasets.find(({ id }) => id === input.datasetId) ?? datasets[0] ?? null;
  const on = new Map(
    measured.filter((found) => found.datasetId === dataset?.id).map((found) => [found.versionId, found]),
  );
  const baseline = rows.find((row) => row.number === input.baseline) ?? rows[0];
  const serving = (await servingOf(ctx.db, ctx.teamId, [model.id]))?.get(model.id) ?? null;
  return {
    model: { name: model.name },
    baseline: baseline?.number ?? null,
    datasets,
    dataset,
    versions: await Promise.all(
      rows.map(async (row) => ({
        ...facts(row),
        isServing: serving?.versionNumber === row.number,
        evaluation: shown(on.get(row.id)),
        pair: baseline && row !== baseline ? await pairOf(ctx, row, baseline, on) : null,
      })),
    ),
  };
}

/** Datasets on which any of the versions was measured, first those that most share. */
function datasetsOf(measured: readonly Measured[]) {
  const found = new Map<string, { id: string; name: string; labels: string[]; versions: number }>();
  for (const { datasetId, datasetName, labels } of measured) {
    const known = found.get(datasetId);
    if (known) known.versions += 1;
    else found.set(datasetId, { id: datasetId, name: datasetName, labels, versions: 1 });
  }
  return [...found.values()].sort((a, b) => b.versions - a.versions);
}

function facts(row: Row) {
  const inspection = Inspection.nullable().parse(row.inspection);
  const { inspection: _inspection, recipe, ...rest } = row;
  return {
    ...rest,
    sizes: Sizes.nullable().parse(row.sizes),
    madeBy: MadeBy.nullable().parse(recipe),
    provenance: Provenance.nullable().parse(row.provenance),
    inspection: inspection && {
      opset: inspection.opset,
      parity: inspection.parity,
      parameters: inspection.parameters,
      macs: inspection.macs,
      layers: inspection.layers.map(({ name, op, shape, weights }) => ({
        name,
        op,
        shape,
        zeros: weights && weights.n > 0 ? weights.zeros / weights.n : null,
      })),
    },
  };
}

function shown(found: Measured | undefined) {
  if (!found) return null;
  const { n, task, accuracy, halfWidth, figures, perClass, perSlice, latency, memory } = found.result;
  return {
    n,
    task,
    accuracy,
    halfWidth,
    figures,
    perClass,
    perSlice,
    latency,
    memory,
    createdAt: found.createdAt,
  };
}

async function pairOf(
  ctx: TeamContext,
  row: Row,
  baseline: Row,
  on: ReadonlyMap<string, Measured>,
): Promise<Pair> {
  const candidate = on.get(row.id);
  const base = on.get(baseline.id);
  const stored =
    candidate?.baselineVersionId === baseline.id && candidate.result.paired ? candidate.result.paired : null;
  const known: Pair = {
    paired: stored,
    from: stored && "measured",
    agreement: null,
    reason: null,
  };
  if (!candidate || !base) {
    const lacking = [!candidate && row.number, !base && baseline.number].filter((n) => n !== false);
    const names = lacking.map((number) => `v${number}`).join(" and ");
    return {
      ...known,
      reason: `${names} ${lacking.length > 1 ? "were" : "was"} not measured on this dataset.`,
    };
  }
  const read = async (sha256: string) => readFile((await locateBlob(ctx.db, ctx.teamId, sha256)).path);
  try {
    // Numbers are hardly ever the same to the last bit; what is known of them are their scores.
    const alike =
      candidate.result.correct === null
        ? null
        : agreement(await read(base.result.predictions), await read(candidate.result.predictions));
    const [scoresBefore, scoresAfter] = [base.result.scores, candidate.result.scores];
    if (scoresBefore && scoresAfter) {
      if (candidate.result.task === "unlabelled" && candidate.baselineVersionId !== base.baselineVersionId) {
        const reason = "Without labels both must be measured against one version to be compared.";
        return { ...known, agreement: null, reason: stored ? null : reason };
      }
      const paired = pairedScores(await read(scoresBefore), await read(scoresAfter));
      return { paired, from: "answers", agreement: alike, reason: null };
    }
    const [before, after] = [base.result.correctness, candidate.result.correctness];
    if (!before || !after) {
      const reason =
        "Which answers were right was not kept by an older evaluation; evaluate again to pair them.";
      return { ...known, agreement: alike, reason: stored ? null : reason };
    }
    const paired = pairedDifference(await read(before), await read(after));
    return { paired, from: "answers", agreement: alike, reason: null };
  } catch (error) {
    if (error instanceof AppError || error instanceof RangeError) return { ...known, reason: error.message };
    throw error;
  }
}
