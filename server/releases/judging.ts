/** Judging a request by the policy in force: when it opens, and again whenever the policy changes. */
import { and, eq, inArray, sql } from "drizzle-orm";
import type { z } from "zod";
import { version } from "../../db/schema/models";
import { releasePolicy } from "../../db/schema/promotion";
import { approval, promotionRequest } from "../../db/schema/releases";
import { record } from "../audit/service";
import { datasetRef } from "../datasets/service";
import { Sizes } from "../models/contract";
import type { TeamContext } from "../platform/context";
import type { Database, Db, Transaction } from "../platform/db";
import { NotFound } from "../platform/errors";
import { newId } from "../platform/ids";
import { emit } from "../platform/live/outbox";
import { wakeRelay } from "../platform/live/relay";
import { Role } from "../platform/permissions";
import { EvaluateResult } from "../runs/contract";
import { bakeGate } from "./bake";
import { Gate } from "./contract";
import type { LaneKey } from "./lane";
import { defaultPolicy, judge, policyDigest } from "./policy";
import { type Policy, PolicyRules } from "./policy-contract";
import type { Fence } from "./reconcile";
import * as repo from "./repo";
import { servedHistory } from "./rollout-repo";
import { stagedGate, stagedOf } from "./staged";
import type { Weighed } from "./verdict";

export type RequestRow = typeof promotionRequest.$inferSelect;

/** A model's lane, or with null what every model of the team has there unless it has its own. */
type Scope = Pick<Policy, "environment" | "modelId">;

/** The newest revision of each scope: of the team, and of models that ever had their own. */
const newestPolicies = (db: Db, teamId: string) =>
  db
    .selectDistinctOn([releasePolicy.environment, releasePolicy.modelId])
    .from(releasePolicy)
    .where(eq(releasePolicy.teamId, teamId))
    .orderBy(releasePolicy.environment, releasePolicy.modelId, sql`${releasePolicy.revision} desc`);

/** The policy that each of the team's lanes is judged by: its own, else the team's, else the product's. */
export async function policiesInForce(db: Db, teamId: string): Promise<(scope: Scope) => Policy> {
  const all = await newestPolicies(db, teamId);
  return ({ environment, modelId }) => {
    const newest = all.filter((row) => row.environment === environment);
    const team = newest.find((row) => row.modelId === null);
    const own = modelId === null ? undefined : newest.find((row) => row.modelId === modelId);
    if (own && own.rules !== null) {
      const { revision } = own;
      const rules = PolicyRules.parse(own.rules);
      return { name: `${environment}, this model's own`, revision, environment, modelId, ownUntil: 0, rules };
    }
    const isDefault = !team || team.rules === null;
    return {
      name: isDefault ? `${environment}-default` : environment,
      revision: team?.revision ?? 0,
      environment,
      modelId: null,
      ownUntil: own?.revision ?? 0,
      rules: isDefault ? defaultPolicy(environment).rules : PolicyRules.parse(team.rules),
    };
  };
}

export const policyInForce = async (db: Db, teamId: string, lane: LaneKey): Promise<Policy> =>
  (await policiesInForce(db, teamId))(lane);

/** What a policy says of a request's evidence. @throws NotFound when its version or dataset is gone */
export async function gatesOf(
  db: Db,
  request: RequestRow,
  evidence: z.infer<typeof EvaluateResult>,
  policy: Policy,
): Promise<Gate[]> {
  const rows = await db
    .select({
      id: version.id,
      digest: version.digest,
      bytes: version.bytes,
      sizes: version.sizes,
      macs: sql<number | null>`(${version.inspection} ->> 'macs')::float8`,
    })
    .from(version)
    .where(
      and(
        eq(version.teamId, request.teamId),
        inArray(
          version.id,
          [request.versionId, request.baselineVersionId].filter((id) => id !== null),
        ),
      ),
    );
  const weighed = rows.map((row) => ({ ...row, sizes: Sizes.nullable().parse(row.sizes) }) satisfies Weighed);
  const candidate = weighed.find((row) => row.id === request.versionId);
  if (!candidate) throw new NotFound("The requested version is gone.");
  const { report, labels } = await datasetRef(db, request.teamId, request.datasetId);
  return judge(policy, {
    evidence,
    candidate,
    production: weighed.find((row) => row.id === request.baselineVersionId) ?? null,
    labels,
    testSamples: report.test,
    requestedDigest: request.versionDigest,
  });
}

/** The gates that time changes at this moment: of the bake time, and of the time in staging, where the policy asks. */
export async function gatesOfTime(
  db: Db,
  teamId: string,
  request: LaneKey & { versionId: string },
  { rules: { bakeMinutes, staging } }: Policy,
): Promise<Gate[]> {
  const now = new Date();
  const bake =
    bakeMinutes === 0 ? null : bakeGate(bakeMinutes, await servedHistory(db, teamId, request), now);
  const staged = staging && stagedGate(staging, await stagedOf(db, teamId, request.versionId), now);
  return [bake, staged].filter((gate) => gate !== null);
}

/** The gates of a request at this moment: those of its evidence and, while it is open, those that time changes. */
export async function gatesNow(
  db: Db,
  request: Pick<RequestRow, "teamId" | "modelId" | "environment" | "versionId" | "state" | "gates">,
  policy: Policy,
): Promise<Gate[]> {
  const judged = Gate.array().parse(request.gates);
  return request.state === "open"
    ? [...judged, ...(await gatesOfTime(db, request.teamId, request, policy))]
    : judged;
}

/** Approvals of a request with whether each still holds: bound to what is in force, never to what was. */
export async function approvalsOf(db: Db, request: RequestRow) {
  const rows = await db
    .select()
    .from(approval)
    .where(and(eq(approval.requestId, request.id), eq(approval.teamId, request.teamId)))
    .orderBy(approval.createdAt);
  return rows.map((row) => ({
    ...row,
    roles: Role.array().parse(row.roles),
    isVoid: voidedBy(row, request),
  }));
}

type Bound = Pick<typeof approval.$inferSelect, "versionDigest" | "policyDigest"> & {
  evaluationDigest: string | null;
};
/** Why a decision no longer holds; null while it does. */
export function voidedBy(decided: Bound, request: Bound): string | null {
  if (decided.versionDigest !== request.versionDigest) return "the version changed since";
  if (decided.evaluationDigest !== request.evaluationDigest) return "the evaluation changed since";
  return decided.policyDigest === request.policyDigest ? null : "the policy changed since";
}

const passing = (gates: readonly Gate[]): string =>
  `${gates.filter((g) => !g.blocks).length} of ${gates.length} gates let it pass`;

/** The open requests of a team, locked: before the audit chain, as whoever decides one locks them. */
export const lockOpen = (tx: Transaction, teamId: string): Promise<RequestRow[]> =>
  tx
    .select()
    .from(promotionRequest)
    .where(and(eq(promotionRequest.teamId, teamId), eq(promotionRequest.state, "open")))
    .orderBy(promotionRequest.id)
    .for("update");

/** Judges locked requests by what is in force now; those that are judged by it already stay as they are. */
export async function judgeAgain(
  tx: Transaction,
  ctx: Pick<TeamContext, "teamId" | "actor" | "requestId">,
  open: readonly RequestRow[],
): Promise<number> {
  const policyOf = await policiesInForce(tx, ctx.teamId);
  const stale = open.filter((row) => row.policyDigest !== policyDigest(policyOf(row)));
  for (const request of stale) await judgeByPolicy(tx, ctx, request, policyOf(request));
  return stale.length;
}

async function judgeByPolicy(
  tx: Transaction,
  ctx: Pick<TeamContext, "teamId" | "actor" | "requestId">,
  request: RequestRow,
  policy: Policy,
): Promise<void> {
  const evidence = EvaluateResult.parse(request.evidence);
  const gates = await gatesOf(tx, request, evidence, policy);
  const voided = (await approvalsOf(tx, request)).filter((a) => a.isVoid === null).length;
  const digest = policyDigest(policy);
  await repo.setRequest(tx, ctx.teamId, request.id, { gates, policyDigest: digest });
  await record(tx, ctx, {
    action: "promotion.judged_again",
    target: { kind: "request", id: request.id },
    summary: `Judged request ${request.number} again: the policy changed${voided > 0 ? `, ${voided === 1 ? "1 approval is" : `${voided} approvals are`} void` : ""}`,
    before: { policyDigest: request.policyDigest, gates: passing(Gate.array().parse(request.gates)) },
    after: { policyDigest: digest, gates: passing(gates) },
  });
  await emit(tx, { teamId: ctx.teamId, topic: "releases", key: request.id });
}

/**
 * The controller's part: whatever opened while a policy was being saved, or was judged before an upgrade of the product.
 */
export async function judgeStale(db: Database, fence: Fence = async () => {}): Promise<void> {
  const teams = await db
    .selectDistinct({ teamId: promotionRequest.teamId })
    .from(promotionRequest)
    .where(eq(promotionRequest.state, "open"));
  for (const { teamId } of teams) {
    const actor = { kind: "system", id: "controller" } as const;
    const judged = await db.transaction(async (tx) => {
      await fence(tx);
      return judgeAgain(tx, { teamId, actor, requestId: newId("req") }, await lockOpen(tx, teamId));
    });
    if (judged > 0) wakeRelay();
  }
}
