/** Policies as admins set them: revisions that are only ever added, and what each would mean for requests that wait. */
import { and, desc, eq, isNull, sql } from "drizzle-orm";
import type { z } from "zod";
import { user } from "../../db/schema/identity";
import { model } from "../../db/schema/models";
import { releasePolicy } from "../../db/schema/promotion";
import { promotionRequest } from "../../db/schema/releases";
import { record } from "../audit/service";
import { canonicalJson } from "../platform/canonical";
import { type TeamContext, transact } from "../platform/context";
import type { Db } from "../platform/db";
import { Conflict, NotFound } from "../platform/errors";
import { newId } from "../platform/ids";
import { emit } from "../platform/live/outbox";
import { EvaluateResult } from "../runs/contract";
import { approvalsOf, gatesNow, gatesOf, judgeAgain, lockOpen, policiesInForce } from "./judging";
import { defaultPolicy, policyDigest } from "./policy";
import { PolicyRules, type PolicyScope, type PreviewPolicy, type SavePolicy } from "./policy-contract";

const HISTORY = 50;
type Scope = z.infer<typeof PolicyScope>;

const inScope = (teamId: string, { environment, modelId }: Scope) =>
  and(
    eq(releasePolicy.teamId, teamId),
    eq(releasePolicy.environment, environment),
    modelId === null ? isNull(releasePolicy.modelId) : eq(releasePolicy.modelId, modelId),
  );

type Whose = Awaited<ReturnType<typeof policiesInForce>>;
const hasOwn = (policyOf: Whose, modelId: string) => ({
  staging: policyOf({ environment: "staging", modelId }).modelId !== null,
  production: policyOf({ environment: "production", modelId }).modelId !== null,
});

/** Models that can have policies of their own, and in which environments they do. */
export async function scopes(ctx: TeamContext) {
  const models = await ctx.db
    .select({ id: model.id, name: model.name })
    .from(model)
    .where(eq(model.teamId, ctx.teamId))
    .orderBy(model.name);
  const policyOf = await policiesInForce(ctx.db, ctx.teamId);
  return models.map((m) => ({ ...m, hasOwn: hasOwn(policyOf, m.id) }));
}

/** One scope: what is in force there, where that comes from, and its revisions, newest first. */
export async function policyPage(ctx: TeamContext, scope: Scope) {
  if (scope.modelId !== null) await modelName(ctx.db, ctx.teamId, scope.modelId);
  const policyOf = await policiesInForce(ctx.db, ctx.teamId);
  const revisions = await ctx.db
    .select({
      revision: releasePolicy.revision,
      digest: releasePolicy.digest,
      rules: releasePolicy.rules,
      at: releasePolicy.createdAt,
      by: user.name,
    })
    .from(releasePolicy)
    .innerJoin(user, eq(user.id, releasePolicy.createdBy))
    .where(inScope(ctx.teamId, scope))
    .orderBy(desc(releasePolicy.revision))
    .limit(HISTORY);
  return {
    policy: policyOf(scope),
    /** Of this scope, whether or not it is what is in force. */
    revision: revisions[0]?.revision ?? 0,
    revisions: revisions.map((row) => ({ ...row, rules: PolicyRules.nullable().parse(row.rules) })),
  };
}

async function modelName(db: Db, teamId: string, modelId: string): Promise<string> {
  const [found] = await db
    .select({ name: model.name })
    .from(model)
    .where(and(eq(model.id, modelId), eq(model.teamId, teamId)));
  if (!found) throw new NotFound("There is no such model in this team.");
  return found.name;
}

/**
 * Adds a revision and judges every open request again by what is then in force: approvals under the old one are void.
 *
 * @throws Conflict when somebody saved another revision meanwhile, or nothing would change
 */
export async function savePolicy(ctx: TeamContext, input: z.infer<typeof SavePolicy>) {
  return transact(ctx, async (tx) => {
    const { environment, modelId, rules } = input;
    await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${`policy:${ctx.teamId}`}, 0))`);
    const name = modelId === null ? null : await modelName(tx, ctx.teamId, modelId);
    const [last] = await tx
      .select()
      .from(releasePolicy)
      .where(inScope(ctx.teamId, input))
      .orderBy(desc(releasePolicy.revision))
      .limit(1);
    const revision = last?.revision ?? 0;
    if (revision !== input.basedOn) {
      throw new Conflict(`Somebody saved revision ${revision} meanwhile; nothing of yours was saved.`, {
        code: "policy_changed",
        remedy: "Look at that revision, then make your change again.",
      });
    }
    if (canonicalJson(last?.rules ?? null) === canonicalJson(rules)) {
      throw new Conflict("Nothing changed, so there is nothing to save.", { code: "nothing_changed" });
    }
    const next = { ...defaultPolicy(environment), modelId, revision: revision + 1 };
    const digest = policyDigest({ ...next, rules: rules ?? next.rules });
    const id = newId("pol");
    await tx.insert(releasePolicy).values({
      id,
      teamId: ctx.teamId,
      environment,
      modelId,
      revision: next.revision,
      rules,
      digest,
      createdBy: ctx.actor.id,
    });
    const open = await lockOpen(tx, ctx.teamId);
    const whose = `the policy of ${environment}${name ? ` for ${name}` : ""}`;
    await record(tx, ctx, {
      action: rules ? "policy.saved" : "policy.removed",
      target: { kind: "policy", id },
      summary: rules ? `Saved revision ${next.revision} of ${whose}` : `Took ${whose} away`,
      before: last?.rules ?? null,
      after: rules,
    });
    const judgedAgain = await judgeAgain(tx, ctx, open);
    await emit(tx, { teamId: ctx.teamId, topic: "releases", key: id });
    return { revision: next.revision, digest, judgedAgain };
  });
}

/** How the open requests of a scope would stand under other rules. Nothing is changed. */
export async function previewPolicy(ctx: TeamContext, input: z.infer<typeof PreviewPolicy>) {
  const policyOf = await policiesInForce(ctx.db, ctx.teamId);
  const open = await ctx.db
    .select({ request: promotionRequest, model: model.name })
    .from(promotionRequest)
    .innerJoin(model, eq(model.id, promotionRequest.modelId))
    .where(
      and(
        eq(promotionRequest.teamId, ctx.teamId),
        eq(promotionRequest.environment, input.environment),
        eq(promotionRequest.state, "open"),
      ),
    )
    .orderBy(promotionRequest.number);
  const touched = open.filter(({ request }) =>
    input.modelId === null ? policyOf(request).modelId === null : request.modelId === input.modelId,
  );
  return Promise.all(
    touched.map(async ({ request, model: name }) => {
      const evidence = EvaluateResult.parse(request.evidence);
      const policy = policyOf(request);
      const other = { ...policy, rules: input.rules };
      const gates = await gatesOf(ctx.db, request, evidence, other);
      const approvals = await approvalsOf(ctx.db, request);
      return {
        number: request.number,
        model: name,
        now: await gatesNow(ctx.db, request, policy),
        under: await gatesNow(ctx.db, { ...request, gates }, other),
        /** Approvals that hold now and would be void. */
        voided: approvals.filter((a) => a.isVoid === null && a.decision === "approve").length,
      };
    }),
  );
}
