/** Promotion requests: asked for by one person, measured, decided by another. */
import { and, eq, inArray } from "drizzle-orm";
import type { z } from "zod";
import { promotionRequest } from "../../db/schema/releases";
import { record } from "../audit/service";
import { datasetRef } from "../datasets/service";
import { refuseAlone, refuseMisfit, versionForWork } from "../models/service";
import { digestOf } from "../platform/canonical";
import { type TeamContext, transact } from "../platform/context";
import type { Transaction } from "../platform/db";
import { Conflict, Forbidden, NotFound } from "../platform/errors";
import { newId } from "../platform/ids";
import { emit } from "../platform/live/outbox";
import { EvaluateResult, EvaluateSpec } from "../runs/contract";
import { askToStop, createRun, type Finisher, lockTeamRun } from "../runs/service";
import { CreateRequest, type Environment, type Gate, type StageVersion } from "./contract";
import { end } from "./decide";
import { gatesOf, policyInForce, type RequestRow } from "./judging";
import { servingOf } from "./lane";
import { policyDigest } from "./policy";
import type { Policy } from "./policy-contract";
import { servedBy } from "./reconcile";
import * as repo from "./repo";
import { AT_ONCE } from "./rollout-contract";
import { datasetToMeasureOn, refuseOtherSignature } from "./signature";

const OPEN_STATES = ["measuring", "open"] as const;

/** Asks for production: starts the run that measures the candidate and what serves now on the same samples. */
export async function createRequest(ctx: TeamContext, input: z.input<typeof CreateRequest>) {
  return request(ctx, "production", CreateRequest.parse(input));
}

/**
 * Releases to staging by one press: measured like a request for production, on the samples that it was measured on last,
 * and released by the controller once no gate is in the way.
 *
 * @throws Conflict where no dataset fits, or it serves staging or is on its way there
 */
export async function stageVersion(ctx: TeamContext, { versionId }: z.infer<typeof StageVersion>) {
  const datasetId = await datasetToMeasureOn(ctx, versionId);
  return request(ctx, "staging", { versionId, datasetId, note: "", strategy: AT_ONCE });
}

async function request(
  ctx: TeamContext,
  environment: Environment,
  input: z.infer<typeof CreateRequest>,
): Promise<{ id: string; number: number }> {
  const { strategy } = input;
  return transact(ctx, async (tx) => {
    const work = await versionForWork(tx, ctx.teamId, input.versionId);
    const dataset = await datasetRef(tx, ctx.teamId, input.datasetId);
    refuseMisfit(work, dataset);
    const { modelId } = work.version;
    const key = { modelId, environment };
    await repo.lockLane(tx, key);
    const lane = await repo.loadLane(tx, ctx.teamId, key);
    const serving = servingOf(lane);
    // What staging is for is to be told before production is asked for, so both are measured against the same.
    const production =
      environment === "production"
        ? serving
        : servingOf(await repo.loadLane(tx, ctx.teamId, { modelId, environment: "production" }));
    refuseAlone(dataset, production);
    const name = `${lane.modelName} v${work.version.number}`;
    if (serving?.version.id === input.versionId) throw new Conflict(`${name} serves ${environment} already.`);
    const servingId = serving?.version.id;
    await refuseOtherSignature(tx, ctx.teamId, strategy, { versionId: input.versionId, servingId });
    await refuseSecondRequest(tx, ctx.teamId, { versionId: input.versionId, environment }, name);

    const id = newId("req");
    const number = await repo.nextRequestNumber(tx, ctx.teamId);
    const baseline = production?.version ?? null;
    // The run and the request name each other; the request's row comes first.
    const row = {
      id,
      teamId: ctx.teamId,
      number,
      modelId,
      versionId: input.versionId,
      baselineVersionId: baseline?.id ?? null,
      datasetId: input.datasetId,
      environment,
      state: "measuring" as const,
      note: input.note,
      strategy,
      requestedBy: ctx.actor.id,
      versionDigest: work.digest,
      policyDigest: policyDigest(await policyInForce(tx, ctx.teamId, key)),
    };
    await tx.insert(promotionRequest).values(row);
    const run = await createRun(tx, ctx, {
      kind: "evaluate",
      title: `Measure ${name}${baseline ? ` against v${baseline.number}` : ""}`,
      spec: EvaluateSpec.parse({
        kind: "evaluate",
        candidate: work.digest,
        baseline: baseline?.digest ?? null,
        dataset,
      }),
      resources: { workers: 1, cpus: 1, gpus: 0 },
      modelId,
      versionId: input.versionId,
      datasetId: input.datasetId,
      requestId: id,
      intent: { baselineVersionId: baseline?.id ?? null },
    });
    await repo.setRequest(tx, ctx.teamId, id, { runId: run.id });
    await record(tx, ctx, {
      action: "promotion.requested",
      target: { kind: "request", id },
      summary: `Requested ${environment} for ${name}, request ${number}`,
      before: serving ? servedBy(serving) : null,
      after: {
        environment,
        version: `v${work.version.number}`,
        digest: work.digest,
        note: input.note,
        strategy,
      },
    });
    await emit(tx, { teamId: ctx.teamId, topic: "releases", key: id });
    return { id, number };
  });
}

async function refuseSecondRequest(
  tx: Transaction,
  teamId: string,
  { versionId, environment }: { versionId: string; environment: Environment },
  name: string,
) {
  const [open] = await tx
    .select({ number: promotionRequest.number })
    .from(promotionRequest)
    .where(
      and(
        eq(promotionRequest.teamId, teamId),
        eq(promotionRequest.versionId, versionId),
        eq(promotionRequest.environment, environment),
        inArray(promotionRequest.state, [...OPEN_STATES]),
      ),
    );
  if (open) {
    throw new Conflict(`Request ${open.number} for ${name} in ${environment} is still open.`, {
      code: "request_open",
      remedy: "Open that request, or withdraw it first.",
    });
  }
}

/** The measurement of a request ends: the request opens with its evidence, or is void with the run's cause. */
export const finishMeasurement: Finisher = async (tx, run, outcome) => {
  if (!run.requestId) return;
  const [request] = await tx
    .select()
    .from(promotionRequest)
    .where(and(eq(promotionRequest.id, run.requestId), eq(promotionRequest.teamId, run.teamId)))
    .for("update");
  if (request?.state !== "measuring") return;
  if (outcome.state === "succeeded" && outcome.result.kind === "evaluate") {
    const evidence = EvaluateResult.parse(outcome.result);
    const policy = await policyInForce(tx, run.teamId, request);
    const gates = await gatesOf(tx, request, evidence, policy);
    await repo.setRequest(tx, run.teamId, request.id, {
      state: "open",
      evidence,
      evaluationDigest: digestOf(evidence),
      policyDigest: policyDigest(policy),
      gates,
    });
    await opened(tx, request, gates, policy);
  } else await repo.setRequest(tx, run.teamId, request.id, { state: "void" });
  await emit(tx, { teamId: run.teamId, topic: "releases", key: request.id });
};

async function opened(
  tx: Transaction,
  request: RequestRow,
  gates: readonly Gate[],
  { rules: { approvals } }: Policy,
): Promise<void> {
  const blocked = gates.filter((gate) => gate.blocks);
  const next = blocked.length > 0 ? "its gates" : approvals.count > 0 ? "approval" : "its release";
  await record(
    tx,
    { teamId: request.teamId, actor: { kind: "system", id: "controller" }, requestId: newId("req") },
    {
      action: "promotion.opened",
      target: { kind: "request", id: request.id },
      summary: `Request ${request.number} is measured and waits for ${next}`,
      after: { gates: gates.length, blocked: blocked.map((gate) => gate.label) },
    },
  );
}

/** Takes back one's own request; while it is measured, its run has nothing left to do. */
export async function withdraw(ctx: TeamContext, input: { number: number }): Promise<void> {
  await transact(ctx, async (tx) => {
    const { runId } = (await repo.findRequest(tx, ctx.teamId, input.number)) ?? {};
    // The run before the request, as whoever ends the run locks them.
    const run = runId ? await lockTeamRun(tx, ctx.teamId, runId) : null;
    const request = await repo.lockRequest(tx, ctx.teamId, input.number);
    if (!request) throw new NotFound(`There is no request ${input.number} in this team.`);
    if (request.requestedBy !== ctx.actor.id) throw new Forbidden("Only the requester withdraws a request.");
    if (request.state !== "open" && request.state !== "measuring") {
      throw new Conflict(`Request ${input.number} is ${request.state} already.`);
    }
    await end(tx, ctx, request, "withdrawn", `Withdrew request ${input.number}`);
    if (run && request.state === "measuring") await askToStop(tx, ctx, run);
  });
}

export { openApiFile } from "./api-page";
export { breakGlass } from "./break-glass";
export { approvalsWaiting, approve, decline } from "./decide";
export { drillDue } from "./drill";
export { judgeStale } from "./judging";
export { productionNow, type Served } from "./production";
export { type Fence, reconcileReleases } from "./reconcile";
export { desiredReplicas, observeReplica } from "./replicas";
export { dropOldWindows } from "./rollout-repo";
export { dropOldWakes } from "./scaling-repo";
export { evidenceOf } from "./served-at";
export { releaseUnopposed } from "./unopposed";
export { requestRows, servingByModel } from "./views";
