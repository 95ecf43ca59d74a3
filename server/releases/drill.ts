/** A rehearsal of a rollback: everything that one does but publishing, and an answer of the version it would lead to. */
import { sql } from "drizzle-orm";
import { z } from "zod";
import { drill } from "../../db/schema/rollouts";
import { record } from "../audit/service";
import { RouteTable } from "../gateway/contract";
import { type TeamContext, transact } from "../platform/context";
import type { Database } from "../platform/db";
import { NotFound } from "../platform/errors";
import { newId } from "../platform/ids";
import { emit } from "../platform/live/outbox";
import { deriveToken } from "../platform/tokens";
import type { Environment } from "./contract";
import { rests } from "./counts";
import { type LaneKey, readyReplicas, rollbackTarget } from "./lane";
import { loadLane, lockLane } from "./repo";
import { alone, routeOf } from "./routing";

const ANSWER_MS = 10_000;
const Signature = z.object({
  inputs: z
    .array(z.object({ name: z.string(), datatype: z.string(), shape: z.array(z.number().int()) }))
    .min(1),
});

type Drilled = Pick<typeof drill.$inferSelect, "isWarm" | "planUs" | "answerUs" | "message">;

/**
 * Rehearses the rollback of a lane and keeps its times.
 *
 * @throws NotFound when there is no revision to roll back to
 */
export async function drillRollback(ctx: TeamContext, input: LaneKey): Promise<Drilled> {
  const began = performance.now();
  const { lane, target, replicas } = await ctx.db.transaction(async (tx) => {
    await lockLane(tx, input);
    const lane = await loadLane(tx, ctx.teamId, input);
    const target = rollbackTarget(lane);
    if (!target) throw new NotFound(`There is no revision of ${lane.modelName} to roll back to.`);
    const replicas = readyReplicas(lane, target.version.id);
    if (replicas.length > 0) RouteTable.parse({ routes: [routeOf(lane, alone(target.id, replicas))] });
    return { lane, target, replicas };
  });
  const planUs = us(began);
  const [replica] = replicas;
  const answer = replica
    ? await ask(replica)
    : { answerUs: null, message: `v${target.version.number} has no ready replica` };
  const drilled = { isWarm: replicas.length > 0, planUs, ...answer };
  await transact(ctx, async (tx) => {
    await tx.insert(drill).values({
      id: newId("drl"),
      teamId: ctx.teamId,
      modelId: input.modelId,
      environment: input.environment,
      versionId: target.version.id,
      by: ctx.actor.id,
      ...drilled,
    });
    await record(tx, ctx, {
      action: "release.drilled",
      target: { kind: "model", id: input.modelId },
      summary: `Rehearsed the rollback of ${lane.modelName} ${lane.environment} to v${target.version.number}${drilled.message && `: ${drilled.message}`}`,
      after: { ...drilled, version: `v${target.version.number}`, digest: target.version.digest },
    });
    await emit(tx, { teamId: ctx.teamId, topic: "releases", key: input.modelId });
  });
  return drilled;
}

const us = (began: number): number => Math.round((performance.now() - began) * 1000);

/** Asks a replica what it takes, and then for an answer to zeros of that shape. */
async function ask(replica: { id: string; address: string }): Promise<Pick<Drilled, "answerUs" | "message">> {
  const headers = {
    authorization: `Bearer ${deriveToken("replica", replica.id)}`,
    "content-type": "application/json",
  };
  const signal = AbortSignal.timeout(ANSWER_MS);
  try {
    const told = await fetch(`${replica.address}/metadata`, { headers, signal });
    const { inputs } = Signature.parse(await told.json());
    const body = JSON.stringify({ inputs: inputs.map(zeros) });
    const began = performance.now();
    const answer = await fetch(`${replica.address}/infer`, { method: "POST", headers, body, signal });
    await answer.arrayBuffer();
    const message = answer.ok ? "" : `its replica answered ${answer.status}`;
    return { answerUs: answer.ok ? us(began) : null, message };
  } catch {
    return { answerUs: null, message: "its replica did not answer" };
  }
}

/** One sample of zeros; a dynamic dimension becomes 1. */
function zeros({ name, datatype, shape }: z.infer<typeof Signature>["inputs"][number]) {
  const sizes = shape.map((n) => (n > 0 ? n : 1));
  const size = sizes.reduce((a, b) => a * b, 1);
  const data = Array.from({ length: size }, () => (datatype === "BOOL" ? false : 0));
  return { name, datatype, shape: sizes, data };
}

const DAILY = sql`interval '1 day'`;
/** Some of what the query finds has nowhere to go back to, which only its lane knows. */
const LOOKED_AT = 50;

/** Rehearses what was not rehearsed for a day, one lane a call: the controller's part. */
export async function drillDue(db: Database): Promise<void> {
  const { rows } = await db.execute<{
    teamId: string;
    teamSlug: string;
    modelId: string;
    environment: Environment;
  }>(sql`
    select r.team_id as "teamId", t.slug as "teamSlug", r.model_id as "modelId", r.environment
    from release r join team t on t.id = r.team_id
    where r.state = 'serving' and r.serving_at < now() - interval '5 minutes'
      and exists (select 1 from release o where o.model_id = r.model_id and o.environment = r.environment and o.state = 'replaced'
        and o.version_id <> r.version_id and not o.rolled_back_from and o.restores_id is null)
      and not exists (select 1 from drill d where d.model_id = r.model_id and d.environment = r.environment
        and d.created_at > now() - ${DAILY})
    order by r.serving_at limit ${LOOKED_AT}`);
  for (const { modelId, environment, ...team } of rows) {
    const key = { modelId, environment };
    const lane = await loadLane(db, team.teamId, key);
    // Of a model that sleeps nothing is warm, and nobody shall be told daily.
    if (!rollbackTarget(lane) || rests(lane, new Date())) continue;
    const actor = { kind: "system", id: "controller" } as const;
    await drillRollback({ db, ...team, actor, requestId: newId("req") }, key);
    return;
  }
}
