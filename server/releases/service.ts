/** Promotion requests: asked for by one person, measured, decided by another. */
import { and, eq, inArray } from "drizzle-orm";
import type { z } from "zod";
import { version } from "../../db/schema/models";
import { approval, promotionRequest } from "../../db/schema/releases";
import { record } from "../audit/service";
import { datasetRef } from "../datasets/service";
import { refuseAlone, refuseMisfit, versionForWork } from "../models/service";
import { digestOf } from "../platform/canonical";
import { type TeamContext, transact } from "../platform/context";
import type { Db, Transaction } from "../platform/db";
import { Conflict, Forbidden, NotFound } from "../platform/errors";
import { newId } from "../platform/ids";
import { emit } from "../platform/live/outbox";
import { EvaluateResult, EvaluateSpec } from "../runs/contract";
import { askToStop, createRun, type Finisher, lockTeamRun } from "../runs/service";
import { type ApproveRequest, CreateRequest, type DeclineRequest, Gate } from "./contract";
import { servingOf } from "./lane";
import { DEFAULT_POLICY, judge, policyDigest } from "./policy";
import { advanceLane, servedBy } from "./reconcile";
import * as repo from "./repo";
import { Strategy } from "./rollout-contract";
import { planRollout } from "./rollout-moves";

const OPEN_STATES = ["measuring", "open"] as const;
type RequestRow = typeof promotionRequest.$inferSelect;

/** Asks for production: starts the run that measures the candidate and what serves now on the same samples. */
export async function createRequest(ctx: TeamContext, input: z.input<typeof CreateRequest>) {
  const strategy = CreateRequest.shape.strategy.parse(input.strategy);
  return transact(ctx, async (tx) => {
    const work = await versionForWork(tx, ctx.teamId, input.versionId);
    const dataset = await datasetRef(tx, ctx.teamId, input.datasetId);
    refuseMisfit(work, dataset);
    const { modelId } = work.version;
    await repo.lockLane(tx, modelId);
    const lane = await repo.loadLane(tx, ctx.teamId, modelId);
    const serving = servingOf(lane);
    refuseAlone(dataset, serving);
    const name = `${lane.modelName} v${work.version.number}`;
    if (serving?.version.id === input.versionId) throw new Conflict(`${name} serves production already.`);
    await refuseSecondRequest(tx, ctx.teamId, input.versionId, name);

    const id = newId("req");
    const number = await repo.nextRequestNumber(tx, ctx.teamId);
    const baseline = serving?.version ?? null;
    // The run and the request name each other; the request's row comes first.
    const row = {
      id,
      teamId: ctx.teamId,
      number,
      modelId,
      versionId: input.versionId,
      baselineVersionId: baseline?.id ?? null,
      datasetId: input.datasetId,
      environment: "production" as const,
      state: "measuring" as const,
      note: input.note,
      strategy,
      requestedBy: ctx.actor.id,
      versionDigest: work.digest,
      policyDigest: policyDigest(),
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
      summary: `Requested production for ${name}, request ${number}`,
      before: serving ? servedBy(serving) : null,
      after: {
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

async function refuseSecondRequest(tx: Transaction, teamId: string, versionId: string, name: string) {
  const [open] = await tx
    .select({ number: promotionRequest.number })
    .from(promotionRequest)
    .where(
      and(
        eq(promotionRequest.teamId, teamId),
        eq(promotionRequest.versionId, versionId),
        inArray(promotionRequest.state, [...OPEN_STATES]),
      ),
    );
  if (open) {
    throw new Conflict(`Request ${open.number} for ${name} is still open.`, {
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
    await repo.setRequest(tx, run.teamId, request.id, {
      state: "open",
      evidence,
      evaluationDigest: digestOf(evidence),
      gates: await gatesOf(tx, request, evidence),
    });
  } else await repo.setRequest(tx, run.teamId, request.id, { state: "void" });
  await emit(tx, { teamId: run.teamId, topic: "releases", key: request.id });
};

async function gatesOf(
  tx: Db,
  request: RequestRow,
  evidence: z.infer<typeof EvaluateResult>,
): Promise<Gate[]> {
  const bytesOf = async (versionId: string | null) =>
    versionId === null
      ? null
      : ((
          await tx
            .select({ digest: version.digest, bytes: version.bytes })
            .from(version)
            .where(and(eq(version.id, versionId), eq(version.teamId, request.teamId)))
        )[0] ?? null);
  const candidate = await bytesOf(request.versionId);
  if (!candidate) throw new NotFound("The requested version is gone.");
  const { report } = await datasetRef(tx, request.teamId, request.datasetId);
  return judge(DEFAULT_POLICY, {
    evidence,
    candidate,
    production: await bytesOf(request.baselineVersionId),
    testSamples: report.test,
    requestedDigest: request.versionDigest,
  });
}

/** Why a request may not be approved now, in words; null when it may. Permission and person are checked apart. */
export function whatChanged(
  request: Pick<RequestRow, "versionDigest" | "evaluationDigest" | "policyDigest" | "evidence">,
  current: { versionDigest: string },
): string | null {
  if (request.versionDigest !== current.versionDigest)
    return "The version's bytes changed since the request.";
  if (request.evidence === null || digestOf(request.evidence) !== request.evaluationDigest)
    return "The evaluation changed since it was made.";
  if (request.policyDigest !== policyDigest()) return "The policy changed since the request.";
  return null;
}

/**
 * Approves: the release is prepared at once, and serves when its replicas are ready.
 *
 * @throws Forbidden for the requester's own request, Conflict when a gate blocks or anything changed
 */
export async function approve(ctx: TeamContext, input: z.infer<typeof ApproveRequest>) {
  const outcome = await transact(ctx, async (tx) => {
    const request = await openRequest(tx, ctx, input.number);
    if (request.requestedBy === ctx.actor.id) {
      throw new Forbidden("You asked for this, so you may not approve it.", {
        code: "own_request",
        remedy: "Ask another approver of the team.",
      });
    }
    const work = await versionForWork(tx, ctx.teamId, request.versionId);
    const changed = whatChanged(request, { versionDigest: work.digest }) ?? unlikeSeen(request, input);
    if (changed) {
      await repo.setRequest(tx, ctx.teamId, request.id, { state: "void" });
      await emit(tx, { teamId: ctx.teamId, topic: "releases", key: request.id });
      return { changed };
    }
    const gates = Gate.array().parse(request.gates);
    const blocking = gates.find((gate) => gate.blocks);
    if (blocking) {
      throw new Conflict(`${blocking.label}: ${blocking.words}`, { code: "gate_blocks" });
    }
    return { approved: await release(tx, ctx, request, work, input.sentence) };
  });
  if (outcome.changed !== undefined) {
    throw new Conflict(`${outcome.changed} The request is void.`, {
      code: "request_void",
      remedy: "Ask for a new request.",
    });
  }
  return outcome.approved;
}

function unlikeSeen(request: RequestRow, seen: z.infer<typeof ApproveRequest>): string | null {
  const isSame =
    request.versionDigest === seen.versionDigest &&
    request.evaluationDigest === seen.evaluationDigest &&
    request.policyDigest === seen.policyDigest;
  return isSame ? null : "The request is not the one you looked at.";
}

async function openRequest(tx: Transaction, ctx: TeamContext, number: number): Promise<RequestRow> {
  const request = await repo.lockRequest(tx, ctx.teamId, number);
  if (!request) throw new NotFound(`There is no request ${number} in this team.`);
  if (request.state !== "open") {
    throw new Conflict(`Request ${number} is ${request.state}; it can't be decided now.`, {
      code: "request_not_open",
    });
  }
  return request;
}

async function release(
  tx: Transaction,
  ctx: TeamContext,
  request: RequestRow,
  work: Awaited<ReturnType<typeof versionForWork>>,
  sentence: string,
) {
  const { versionDigest, policyDigest: policy } = request;
  const evaluationDigest = request.evaluationDigest ?? "";
  await tx.insert(approval).values({
    id: newId("apr"),
    teamId: ctx.teamId,
    requestId: request.id,
    // Overwritten by the database from the request itself, which then refuses a self-approval.
    requestedBy: request.requestedBy,
    approverId: ctx.actor.id,
    decision: "approve",
    sentence,
    versionDigest,
    evaluationDigest,
    policyDigest: policy,
  });
  await repo.lockLane(tx, request.modelId);
  const lane = await repo.loadLane(tx, ctx.teamId, request.modelId);
  const serving = servingOf(lane);
  const revision = (lane.releases[0]?.revision ?? 0) + 1;
  const releaseId = newId("rel");
  await repo.insertRelease(tx, {
    id: releaseId,
    teamId: ctx.teamId,
    modelId: request.modelId,
    environment: "production",
    revision,
    versionId: request.versionId,
    kind: "promotion",
    previousId: serving?.id ?? null,
    requestId: request.id,
    state: "preparing",
    createdBy: ctx.actor.id,
  });
  const strategy = Strategy.parse(request.strategy);
  await planRollout(tx, { teamId: ctx.teamId, modelId: request.modelId, releaseId }, strategy);
  await repo.setRequest(tx, ctx.teamId, request.id, { state: "approved", decidedAt: new Date(), releaseId });
  await record(tx, ctx, {
    action: "promotion.approved",
    target: { kind: "request", id: request.id },
    summary: `Approved request ${request.number}: ${lane.modelName} v${work.version.number} to production`,
    before: { state: "open" },
    after: {
      state: "approved",
      revision,
      versionDigest,
      evaluationDigest,
      policyDigest: policy,
      sentence,
      strategy,
    },
  });
  await advanceLane(tx, ctx.teamId, request.modelId, ctx.actor);
  await emit(tx, { teamId: ctx.teamId, topic: "releases", key: request.id });
  return { releaseId, revision };
}

/** Declines with a sentence; production stays as it is. */
export async function decline(ctx: TeamContext, input: z.infer<typeof DeclineRequest>): Promise<void> {
  await transact(ctx, async (tx) => {
    const request = await openRequest(tx, ctx, input.number);
    if (request.requestedBy === ctx.actor.id) {
      throw new Forbidden("You asked for this; withdraw it instead.", { code: "own_request" });
    }
    await tx.insert(approval).values({
      id: newId("apr"),
      teamId: ctx.teamId,
      requestId: request.id,
      requestedBy: request.requestedBy,
      approverId: ctx.actor.id,
      decision: "decline",
      sentence: input.sentence,
      versionDigest: request.versionDigest,
      evaluationDigest: request.evaluationDigest ?? "",
      policyDigest: request.policyDigest,
    });
    await end(tx, ctx, request, "declined", `Declined request ${request.number}: ${input.sentence}`);
  });
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

async function end(
  tx: Transaction,
  ctx: TeamContext,
  request: RequestRow,
  state: "declined" | "withdrawn",
  summary: string,
): Promise<void> {
  await repo.setRequest(tx, ctx.teamId, request.id, { state, decidedAt: new Date() });
  await record(tx, ctx, {
    action: `promotion.${state}`,
    target: { kind: "request", id: request.id },
    summary,
    before: { state: request.state },
    after: { state },
  });
  await emit(tx, { teamId: ctx.teamId, topic: "releases", key: request.id });
}

export { drillDue } from "./drill";
export { type Fence, reconcileReleases } from "./reconcile";
export { desiredReplicas, observeReplica } from "./replicas";
export { dropOldWindows } from "./rollout-repo";
export { evidenceOf } from "./served-at";
export { servingByModel } from "./views";
