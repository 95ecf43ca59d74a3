/** Deciding a request: approvals as many as its policy asks for, each bound to what was seen, or one decline. */
import { and, eq } from "drizzle-orm";
import type { z } from "zod";
import { approval, promotionRequest } from "../../db/schema/releases";
import { record } from "../audit/service";
import { versionForWork } from "../models/service";
import { digestOf } from "../platform/canonical";
import { type Actor, type TeamContext, transact } from "../platform/context";
import type { Db, Transaction } from "../platform/db";
import { Conflict, Forbidden, NotFound } from "../platform/errors";
import { newId } from "../platform/ids";
import { emit } from "../platform/live/outbox";
import type { Role } from "../platform/permissions";
import type { ApproveRequest, DeclineRequest } from "./contract";
import { frozenAt, frozenInWords } from "./freeze";
import { approvalsOf, gatesNow, policiesInForce, policyInForce, type RequestRow } from "./judging";
import { servingOf } from "./lane";
import { policyDigest, type Tally, tally, tallyInWords } from "./policy";
import { advanceLane } from "./reconcile";
import * as repo from "./repo";
import { AT_ONCE, Strategy } from "./rollout-contract";
import { planRollout } from "./rollout-moves";
import { refuseOtherSignature } from "./signature";

/** Why a request is void for good, in words; null while it is not. A policy that changed only judges it again. */
export function whatChanged(
  request: Pick<RequestRow, "versionDigest" | "evaluationDigest" | "evidence">,
  current: { versionDigest: string },
): string | null {
  if (request.versionDigest !== current.versionDigest)
    return "The version's bytes changed since the request.";
  if (request.evidence === null || digestOf(request.evidence) !== request.evaluationDigest)
    return "The evaluation changed since it was made.";
  return null;
}

export const rolesOf = (actor: Actor): readonly Role[] => (actor.kind === "person" ? actor.roles : []);

/** Where the approvals of a request stand under its policy. */
export async function standing(db: Db, request: RequestRow): Promise<Tally> {
  const policy = await policyInForce(db, request.teamId, request);
  const given = await approvalsOf(db, request);
  return tally(
    policy.rules.approvals,
    given.filter((a) => a.decision === "approve" && a.isVoid === null),
  );
}

/**
 * Approves. With the last approval that the policy asks for the release is prepared at once, and serves when its
 * replicas are ready.
 *
 * @throws Forbidden for the requester's own request, Conflict when a gate blocks, approvals are frozen or anything changed
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
    const changed = whatChanged(request, { versionDigest: work.digest });
    if (changed) {
      await repo.setRequest(tx, ctx.teamId, request.id, { state: "void" });
      await emit(tx, { teamId: ctx.teamId, topic: "releases", key: request.id });
      return { changed };
    }
    await refuseNow(tx, ctx, request, input);
    // The lane before the audit chain, as whoever switches it.
    await repo.lockLane(tx, request);
    // Something else may serve than when it was asked for.
    const serving = servingOf(await repo.loadLane(tx, ctx.teamId, request));
    await refuseOtherSignature(tx, ctx.teamId, Strategy.parse(request.strategy), {
      versionId: request.versionId,
      servingId: serving?.version.id,
    });
    await insertDecision(tx, ctx, request, "approve", input.sentence);
    const stands = await standing(tx, request);
    const about = `request ${request.number}: ${work.model.name} v${work.version.number} to ${request.environment}`;
    await record(tx, ctx, {
      action: "promotion.approved",
      target: { kind: "request", id: request.id },
      summary: `Approved ${about}${stands.isComplete && stands.needed === 1 ? "" : `, ${tallyInWords(stands)}`}`,
      before: { state: "open" },
      after: {
        state: stands.isComplete ? "approved" : "open",
        versionDigest: request.versionDigest,
        evaluationDigest: request.evaluationDigest,
        policyDigest: request.policyDigest,
        sentence: input.sentence,
        strategy: request.strategy,
      },
    });
    const released = stands.isComplete ? await release(tx, ctx, request, "approved", null) : null;
    await emit(tx, { teamId: ctx.teamId, topic: "releases", key: request.id });
    return {
      approved: { releaseId: released?.releaseId ?? null, revision: released?.revision ?? null, stands },
    };
  });
  if (outcome.changed !== undefined) {
    throw new Conflict(`${outcome.changed} The request is void.`, {
      code: "request_void",
      remedy: "Ask for a new request.",
    });
  }
  return outcome.approved;
}

/** What stands in the way of an approval at this moment. @throws Conflict */
async function refuseNow(
  tx: Transaction,
  ctx: TeamContext,
  request: RequestRow,
  seen: z.infer<typeof ApproveRequest>,
): Promise<void> {
  const policy = await policyInForce(tx, ctx.teamId, request);
  if (request.policyDigest !== policyDigest(policy) || request.policyDigest !== seen.policyDigest) {
    throw new Conflict("The policy changed since you looked at this request; it is judged again.", {
      code: "policy_changed",
      remedy: "Look at its gates again, then decide.",
    });
  }
  if (request.versionDigest !== seen.versionDigest || request.evaluationDigest !== seen.evaluationDigest) {
    throw new Conflict("The request is not the one you looked at.", {
      code: "request_changed",
      remedy: "Read the page again, then decide.",
    });
  }
  const blocking = (await gatesNow(tx, request, policy)).find((gate) => gate.blocks);
  if (blocking) throw new Conflict(`${blocking.label}: ${blocking.words}`, { code: "gate_blocks" });
  if (policy.rules.approvals.count === 0) {
    throw new Conflict("Nobody has to approve this request.", {
      code: "approval_unneeded",
      remedy: "It is released once nothing is in the way.",
    });
  }
  const { freeze } = policy.rules;
  const frozen = frozenAt(freeze, new Date());
  if (freeze && frozen) throw new Conflict(frozenInWords(freeze, frozen), { code: "frozen" });
  const mine = (await approvalsOf(tx, request)).find(
    (a) => a.approverId === ctx.actor.id && a.decision === "approve" && a.isVoid === null,
  );
  if (mine) throw new Conflict("You approved this already.", { code: "already_approved" });
}

/** The request's row, locked. @throws NotFound, Conflict when it is not open */
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

const insertDecision = (
  tx: Transaction,
  ctx: TeamContext,
  request: RequestRow,
  decision: "approve" | "decline",
  sentence: string,
) =>
  tx.insert(approval).values({
    id: newId("apr"),
    teamId: ctx.teamId,
    requestId: request.id,
    // Overwritten by the database from the request itself, which then refuses a self-approval.
    requestedBy: request.requestedBy,
    approverId: ctx.actor.id,
    roles: [...rolesOf(ctx.actor)],
    decision,
    sentence,
    versionDigest: request.versionDigest,
    evaluationDigest: request.evaluationDigest ?? "",
    policyDigest: request.policyDigest,
  });

/**
 * Prepares the release of a request that is decided: by its approvals, by a policy that asks for none, or by an admin who
 * broke the glass. The caller holds the lane's lock.
 */
export async function release(
  tx: Transaction,
  ctx: Pick<TeamContext, "teamId" | "actor">,
  request: RequestRow,
  state: "approved" | "released",
  breakGlass: string | null,
) {
  const lane = await repo.loadLane(tx, ctx.teamId, request);
  const revision = (lane.releases[0]?.revision ?? 0) + 1;
  const releaseId = newId("rel");
  await repo.insertRelease(tx, {
    id: releaseId,
    teamId: ctx.teamId,
    modelId: request.modelId,
    environment: request.environment,
    revision,
    versionId: request.versionId,
    kind: "promotion",
    previousId: servingOf(lane)?.id ?? null,
    requestId: request.id,
    breakGlass,
    state: "preparing",
    createdBy: ctx.actor.kind === "person" ? ctx.actor.id : request.requestedBy,
  });
  // Who breaks the glass has no time for steps.
  const strategy = breakGlass === null ? Strategy.parse(request.strategy) : AT_ONCE;
  await planRollout(tx, { teamId: ctx.teamId, modelId: request.modelId, releaseId }, strategy);
  // As they stood when it was decided: what time changes is not judged any more.
  const gates = await gatesNow(tx, request, await policyInForce(tx, ctx.teamId, request));
  await repo.setRequest(tx, ctx.teamId, request.id, { state, decidedAt: new Date(), releaseId, gates });
  await advanceLane(tx, ctx.teamId, request, ctx.actor);
  return { releaseId, revision };
}

/** Declines with a sentence; what serves stays as it is. */
export async function decline(ctx: TeamContext, input: z.infer<typeof DeclineRequest>): Promise<void> {
  await transact(ctx, async (tx) => {
    const request = await openRequest(tx, ctx, input.number);
    if (request.requestedBy === ctx.actor.id) {
      throw new Forbidden("You asked for this; withdraw it instead.", { code: "own_request" });
    }
    await insertDecision(tx, ctx, request, "decline", input.sentence);
    await end(tx, ctx, request, "declined", `Declined request ${request.number}: ${input.sentence}`);
  });
}

/** A request ends without a release. */
export async function end(
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

/** Requests that this person's approval would bring on: not their own, not theirs already, no gate in the way. */
export async function approvalsWaiting(ctx: TeamContext): Promise<number> {
  const open = await ctx.db
    .select()
    .from(promotionRequest)
    .where(and(eq(promotionRequest.teamId, ctx.teamId), eq(promotionRequest.state, "open")));
  const policyOf = await policiesInForce(ctx.db, ctx.teamId);
  let waiting = 0;
  for (const request of open) {
    if (request.requestedBy === ctx.actor.id) continue;
    const policy = policyOf(request);
    if ((await gatesNow(ctx.db, request, policy)).some((gate) => gate.blocks)) continue;
    const holding = (await approvalsOf(ctx.db, request)).filter(
      (a) => a.decision === "approve" && a.isVoid === null,
    );
    if (holding.some((a) => a.approverId === ctx.actor.id)) continue;
    const { given, needed, missingRoles } = tally(policy.rules.approvals, holding);
    if (given < needed || missingRoles.some((role) => rolesOf(ctx.actor).includes(role))) waiting += 1;
  }
  return waiting;
}
