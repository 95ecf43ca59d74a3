/** Versions that runs make, and what inspections and evaluations found, each in the transaction that ends the run. */

import type { z } from "zod";
import { record } from "../audit/service";
import { digestOf } from "../platform/canonical";
import type { TeamContext } from "../platform/context";
import type { Transaction } from "../platform/db";
import { NotFound } from "../platform/errors";
import { newId } from "../platform/ids";
import { emit } from "../platform/live/outbox";
import type { VersionArtifacts } from "../runs/contract";
import type { Finisher } from "../runs/service";
import { EvaluateIntent, type EvaluationResult, type MadeBy, type Provenance } from "./contract";
import * as repo from "./repo";

type EndedRun = Parameters<Finisher>[1];

/** Whoever asked for the run acts through it; without a person it is the system. */
export const contextOfRun = (run: EndedRun): Pick<TeamContext, "teamId" | "actor" | "requestId"> => ({
  teamId: run.teamId,
  actor: run.createdBy
    ? { kind: "person", id: run.createdBy, name: "", roles: [] }
    : { kind: "system", id: `run:${run.id}` },
  requestId: `run:${run.id}`,
});

interface FromRun {
  modelId: string;
  parentId: string;
  /** The other parent, of a merge. */
  mergedWithId?: string | null;
  /** What its evaluation compares with; the parent unless said otherwise. */
  baselineId?: string;
  datasetId: string;
  origin: "compress" | "train";
  artifacts: z.infer<typeof VersionArtifacts>;
  recipe: MadeBy;
  note: string;
  provenance: Provenance;
}

/** An immutable child of its parent, ready at once: its run has inspected and measured it. */
export async function createVersionFromRun(
  tx: Transaction,
  run: EndedRun,
  input: FromRun,
): Promise<{ versionId: string; number: number }> {
  const taken = await repo.takeNumber(tx, run.teamId, input.modelId);
  if (!taken) throw new NotFound("The model of this run is gone.");
  const versionId = newId("ver");
  const { model, float, inspection, sizes, evaluation } = input.artifacts;
  const name = `${taken.name} v${taken.number}`;
  // A quantized file can't be trained itself; the fp32 graph behind it can what its parent's can.
  const isQuantized = model.sha256 !== float.sha256;
  const parentTier = (await repo.findVersion(tx, run.teamId, input.parentId))?.version.tier ?? null;
  await repo.insertVersion(tx, {
    id: versionId,
    teamId: run.teamId,
    modelId: input.modelId,
    number: taken.number,
    digest: model.sha256,
    bytes: model.bytes,
    floatDigest: float.sha256,
    filename: `${taken.name}-v${taken.number}.onnx`,
    state: "ready",
    origin: input.origin,
    parentId: input.parentId,
    mergedWithId: input.mergedWithId ?? null,
    recipe: input.recipe,
    runId: run.id,
    tier: isQuantized ? parentTier : inspection.tier,
    inspection,
    sizes,
    provenance: input.provenance,
    note: input.note,
    createdBy: run.createdBy,
  });
  await recordEvaluation(tx, run, {
    versionId,
    datasetId: input.datasetId,
    baselineVersionId: input.baselineId ?? input.parentId,
    result: evaluation,
  });
  await record(tx, contextOfRun(run), {
    action: "version.created",
    target: { kind: "version", id: versionId },
    summary: `Run ${run.number} made ${name}`,
    after: {
      digest: model.sha256,
      parent: input.parentId,
      mergedWith: input.mergedWithId ?? null,
      recipe: input.recipe,
    },
  });
  await emit(tx, { teamId: run.teamId, topic: "models", key: versionId });
  return { versionId, number: taken.number };
}

async function recordEvaluation(
  tx: Transaction,
  run: EndedRun,
  found: { versionId: string; datasetId: string; baselineVersionId: string | null; result: EvaluationResult },
): Promise<void> {
  await repo.insertEvaluation(tx, {
    id: newId("evl"),
    teamId: run.teamId,
    runId: run.id,
    ...found,
    accuracy: found.result.accuracy,
    n: found.result.n,
    // Approvals bind to this: equal evidence has an equal digest.
    digest: digestOf(found.result),
  });
}

/** An inspection ends: the version is ready, refused with the rule, or failed when nobody could look. */
export const finishInspection: Finisher = async (tx, run, outcome) => {
  if (!run.versionId) return;
  const settle = (found: Parameters<typeof repo.settleVersion>[3]) =>
    repo.settleVersion(tx, run.teamId, run.versionId ?? "", found);
  const result =
    outcome.state === "succeeded" && outcome.result.kind === "inspect_model" ? outcome.result : null;
  if (result?.inspection) {
    const { inspection } = result;
    await settle({ state: "ready", inspection, tier: inspection.tier, sizes: inspection.sizes });
  } else if (result?.refusal) {
    await settle({ state: "refused", refusal: result.refusal });
    await record(tx, contextOfRun(run), {
      action: "version.refused",
      target: { kind: "version", id: run.versionId },
      summary: `Refused a file by rule ${result.refusal.rule}`,
      after: result.refusal,
    });
  } else {
    await settle({ state: "failed" });
  }
  if (run.modelId) await repo.touchModel(tx, run.teamId, run.modelId);
  await emit(tx, { teamId: run.teamId, topic: "models", key: run.versionId });
};

/** An evaluation ends: its measurement is kept, whatever it says. */
export const finishEvaluation: Finisher = async (tx, run, outcome) => {
  if (!run.versionId || !run.datasetId) return;
  if (outcome.state === "succeeded" && outcome.result.kind === "evaluate") {
    const { baselineVersionId } = EvaluateIntent.parse(run.intent);
    await recordEvaluation(tx, run, {
      versionId: run.versionId,
      datasetId: run.datasetId,
      baselineVersionId,
      result: outcome.result.evaluation,
    });
    if (run.modelId) await repo.touchModel(tx, run.teamId, run.modelId);
  }
  await emit(tx, { teamId: run.teamId, topic: "models", key: run.versionId });
};
