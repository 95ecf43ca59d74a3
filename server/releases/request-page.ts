/** One promotion request as a page shows it: evidence, gates, approvals, and what stands in the way of this person. */
import { and, asc, eq, sql } from "drizzle-orm";
import { dataset } from "../../db/schema/datasets";
import { user } from "../../db/schema/identity";
import { model, version } from "../../db/schema/models";
import { approval, promotionRequest, release } from "../../db/schema/releases";
import { run } from "../../db/schema/runs";
import type { DatasetTask } from "../datasets/contract";
import { EvaluationResult, Inspection, Sizes } from "../models/contract";
import { may, type TeamContext } from "../platform/context";
import { NotFound } from "../platform/errors";
import { Role } from "../platform/permissions";
import { Cause, EvaluateResult, Progress } from "../runs/contract";
import type { Gate } from "./contract";
import { whatChanged } from "./decide";
import { type Frozen, frozenAt, frozenInWords } from "./freeze";
import { gatesNow, policyInForce, type RequestRow, voidedBy } from "./judging";
import { policyDigest, type Tally, tally, tallyInWords } from "./policy";
import type { Policy } from "./policy-contract";
import { findRequest } from "./repo";
import { Strategy } from "./rollout-contract";
import { breaksClients } from "./signature-fit";
import { stagedOf } from "./staged";

const MINUTE = 60_000;

/** One request with its evidence and, for whoever looks, why it can or can't be approved. */
export async function requestPage(ctx: TeamContext, input: { number: number }) {
  const request = await findRequest(ctx.db, ctx.teamId, input.number);
  if (!request) throw new NotFound(`There is no request ${input.number} in this team.`);
  const [about, decisions, measuring, candidate, production, policy, released, staged] = await Promise.all([
    aboutOf(ctx, request),
    decisionsOf(ctx, request),
    runOf(ctx, request),
    versionOf(ctx, request.versionId),
    request.baselineVersionId ? versionOf(ctx, request.baselineVersionId) : null,
    policyInForce(ctx.db, ctx.teamId, request),
    releaseOf(ctx, request),
    request.environment === "production" ? stagedOf(ctx.db, ctx.teamId, request.versionId) : null,
  ]);
  const evidence = EvaluateResult.nullable().parse(request.evidence);
  const gates = await gatesNow(ctx.db, request, policy);
  const holding = decisions.filter((d) => d.decision === "approve" && d.isVoid === null);
  const stands = tally(policy.rules.approvals, holding);
  const { freeze } = policy.rules;
  const frozen = frozenAt(freeze, new Date());
  return {
    number: request.number,
    environment: request.environment,
    state: request.state,
    note: request.note,
    strategy: Strategy.parse(request.strategy),
    createdAt: request.createdAt,
    decidedAt: request.decidedAt,
    isMine: request.requestedBy === ctx.actor.id,
    ...about,
    candidate,
    production,
    evaluation: evidence ? EvaluationResult.parse(evidence.evaluation) : null,
    /** What clients of what it was measured against would meet: a field that differs; null where none does. */
    breaks: production ? breaksClients(candidate.tensors, production.tensors) : null,
    baselineLatency: evidence?.baseline?.latency ?? null,
    gates,
    policy,
    digests: {
      versionDigest: request.versionDigest,
      evaluationDigest: request.evaluationDigest,
      policyDigest: request.policyDigest,
    },
    decisions: decisions.map(({ approverId, ...d }) => ({ ...d, isMine: approverId === ctx.actor.id })),
    approvals: stands,
    freeze: freeze && frozen ? { ...frozen, words: frozenInWords(freeze, frozen) } : null,
    release: released && { ...released, settlesAt: settles(released.servingAt, policy) },
    run: measuring,
    /** What it did in staging before; null where it never served there. */
    staged,
    approve: whyNot(ctx, request, {
      gates,
      changed: request.state === "open" ? whatChanged(request, { versionDigest: candidate.digest }) : null,
      policy,
      stands,
      frozen,
      isApprovedByMe: holding.some((d) => d.approverId === ctx.actor.id),
    }),
  };
}

const settles = (servingAt: Date | null, { rules }: Policy): Date | null =>
  servingAt === null ? null : new Date(servingAt.getTime() + rules.bakeMinutes * MINUTE);

async function aboutOf(ctx: TeamContext, request: RequestRow) {
  const [about] = await ctx.db
    .select({
      model: model.name,
      requester: user.name,
      dataset: dataset.name,
      datasetDigest: dataset.digest,
      task: sql<DatasetTask>`coalesce(${dataset.report} ->> 'task', 'classification')`,
      labels: dataset.labels,
    })
    .from(promotionRequest)
    .innerJoin(model, eq(model.id, promotionRequest.modelId))
    .innerJoin(user, eq(user.id, promotionRequest.requestedBy))
    .innerJoin(dataset, eq(dataset.id, promotionRequest.datasetId))
    .where(and(eq(promotionRequest.id, request.id), eq(promotionRequest.teamId, ctx.teamId)));
  if (!about) throw new NotFound(`There is no request ${request.number} in this team.`);
  return about;
}

async function decisionsOf(ctx: TeamContext, request: RequestRow) {
  const rows = await ctx.db
    .select({ decided: approval, by: user.name })
    .from(approval)
    .innerJoin(user, eq(user.id, approval.approverId))
    .where(and(eq(approval.requestId, request.id), eq(approval.teamId, ctx.teamId)))
    .orderBy(asc(approval.createdAt));
  return rows.map(({ decided, by }) => ({
    id: decided.id,
    approverId: decided.approverId,
    decision: decided.decision,
    sentence: decided.sentence,
    roles: Role.array().parse(decided.roles),
    at: decided.createdAt,
    by,
    /** Why it no longer holds; null while it does. */
    isVoid: voidedBy(decided, request),
  }));
}

async function runOf(ctx: TeamContext, request: RequestRow) {
  const [found] = await ctx.db
    .select({ number: run.number, state: run.state, progress: run.progress, cause: run.cause })
    .from(run)
    .where(and(eq(run.id, request.runId ?? ""), eq(run.teamId, ctx.teamId)));
  if (!found) return null;
  return {
    ...found,
    progress: Progress.nullable().parse(found.progress),
    cause: Cause.nullable().parse(found.cause),
  };
}

async function releaseOf(ctx: TeamContext, request: RequestRow) {
  const [found] = await ctx.db
    .select({
      state: release.state,
      revision: release.revision,
      servingAt: release.servingAt,
      breakGlass: release.breakGlass,
      by: user.name,
    })
    .from(release)
    .leftJoin(user, eq(user.id, release.createdBy))
    .where(and(eq(release.id, request.releaseId ?? ""), eq(release.teamId, ctx.teamId)));
  return found ?? null;
}

const Measured = Inspection.pick({ macs: true, inputs: true, outputs: true });

async function versionOf(ctx: TeamContext, id: string) {
  const [row] = await ctx.db
    .select({
      id: version.id,
      number: version.number,
      digest: version.digest,
      sizes: version.sizes,
      bytes: version.bytes,
      signature: sql<unknown>`jsonb_build_object('macs', ${version.inspection} -> 'macs',
        'inputs', ${version.inspection} -> 'inputs', 'outputs', ${version.inspection} -> 'outputs')`,
    })
    .from(version)
    .where(and(eq(version.id, id), eq(version.teamId, ctx.teamId)));
  if (!row) throw new NotFound("A version of this request is gone.");
  const { signature, sizes, ...rest } = row;
  const { macs, inputs, outputs } = Measured.parse(signature);
  return {
    ...rest,
    macs,
    sizes: Sizes.nullable().parse(sizes),
    tensors: { name: `v${row.number}`, inputs, outputs },
  };
}

export type Obstacle = {
  kind: "gate" | "requester" | "changed" | "role" | "state" | "frozen" | "given" | "unneeded";
  words: string;
};

interface Circumstances {
  gates: readonly Gate[];
  changed: string | null;
  policy: Policy;
  stands: Tally;
  frozen: Frozen | null;
  isApprovedByMe: boolean;
}

/** The first reason why this person can't approve this request now; null when they can. */
function whyNot(ctx: TeamContext, request: RequestRow, c: Circumstances): Obstacle | null {
  if (request.state === "measuring") return { kind: "state", words: "Both versions are being measured." };
  if (request.state !== "open") return { kind: "state", words: `This request is ${request.state}.` };
  if (c.stands.needed === 0) return whyNotYet(c);
  if (request.requestedBy === ctx.actor.id)
    return { kind: "requester", words: "You asked for this, so you may not approve it." };
  if (!may(ctx, "release.approve")) return { kind: "role", words: "Approving takes the role approver." };
  if (c.changed) return { kind: "changed", words: c.changed };
  if (request.policyDigest !== policyDigest(c.policy))
    return { kind: "changed", words: "The policy changed; the request is about to be judged again." };
  const blocking = blockingOf(c.gates);
  if (blocking) return blocking;
  if (c.isApprovedByMe) return { kind: "given", words: `You approved: ${tallyInWords(c.stands)}.` };
  return frozenOf(c);
}

const blockingOf = (gates: readonly Gate[]): Obstacle | null => {
  const blocking = gates.find((gate) => gate.blocks);
  return blocking ? { kind: "gate", words: `${blocking.label}: ${blocking.words}` } : null;
};
const frozenOf = ({ policy: { rules }, frozen }: Circumstances): Obstacle | null =>
  rules.freeze && frozen ? { kind: "frozen", words: frozenInWords(rules.freeze, frozen) } : null;

/** What a request that nobody has to approve waits for. */
const whyNotYet = (c: Circumstances): Obstacle =>
  blockingOf(c.gates) ??
  frozenOf(c) ?? { kind: "unneeded", words: "Nobody has to approve: it is released in a moment." };
