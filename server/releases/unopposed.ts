/** Requests that nobody has to approve: the controller releases them once nothing is in the way. */
import { and, eq, sql } from "drizzle-orm";
import { promotionRequest } from "../../db/schema/releases";
import { record } from "../audit/service";
import { versionForWork } from "../models/service";
import type { Actor } from "../platform/context";
import type { Database, Db, Transaction } from "../platform/db";
import { newId } from "../platform/ids";
import { emit } from "../platform/live/outbox";
import { wakeRelay } from "../platform/live/relay";
import { release, whatChanged } from "./decide";
import { frozenAt } from "./freeze";
import { gatesNow, policyInForce, type RequestRow } from "./judging";
import { policyDigest } from "./policy";
import type { Fence } from "./reconcile";
import * as repo from "./repo";

const CONTROLLER: Actor = { kind: "system", id: "controller" };

/** Releases what waits for nobody. Only staging's policies can ask for no approval. */
export async function releaseUnopposed(db: Database, fence: Fence = async () => {}): Promise<void> {
  const open = await db
    .select()
    .from(promotionRequest)
    .where(
      and(
        eq(promotionRequest.state, "open"),
        eq(promotionRequest.environment, "staging"),
        // These gates pass only once they are judged again.
        sql`not exists (select 1 from jsonb_array_elements(${promotionRequest.gates}) gate where (gate ->> 'blocks')::boolean)`,
      ),
    );
  for (const seen of open) {
    if (!(await isUnopposed(db, seen))) continue;
    await db.transaction(async (tx) => {
      await fence(tx);
      const request = await repo.lockRequest(tx, seen.teamId, seen.number);
      if (request?.state === "open") await letThrough(tx, request);
    });
    wakeRelay();
  }
}

async function isUnopposed(db: Db, request: RequestRow): Promise<boolean> {
  const policy = await policyInForce(db, request.teamId, request);
  if (policy.rules.approvals.count > 0 || request.policyDigest !== policyDigest(policy)) return false;
  if (frozenAt(policy.rules.freeze, new Date())) return false;
  return (await gatesNow(db, request, policy)).every((gate) => !gate.blocks);
}

async function letThrough(tx: Transaction, request: RequestRow): Promise<void> {
  const ctx = { teamId: request.teamId, actor: CONTROLLER, requestId: newId("req") };
  const work = await versionForWork(tx, ctx.teamId, request.versionId);
  if (whatChanged(request, { versionDigest: work.digest })) {
    await repo.setRequest(tx, ctx.teamId, request.id, { state: "void" });
  } else if (await isUnopposed(tx, request)) {
    await repo.lockLane(tx, request);
    await record(tx, ctx, {
      action: "promotion.let_through",
      target: { kind: "request", id: request.id },
      summary: `No gate held request ${request.number} up: ${work.model.name} v${work.version.number} to ${request.environment}`,
      before: { state: "open" },
      after: { state: "approved", versionDigest: request.versionDigest, policyDigest: request.policyDigest },
    });
    await release(tx, ctx, request, "approved", null);
  }
  await emit(tx, { teamId: ctx.teamId, topic: "releases", key: request.id });
}
