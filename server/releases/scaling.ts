/** What is decided of a lane's replicas: how many by people, to give up by the controller, to try again by people. */
import { and, eq, isNull, sql } from "drizzle-orm";
import type { z } from "zod";
import { crashLoop, scaling } from "../../db/schema/scaling";
import { record } from "../audit/service";
import { laneName } from "../gateway/contract";
import { type Actor, type TeamContext, transact } from "../platform/context";
import type { Transaction } from "../platform/db";
import { NotFound } from "../platform/errors";
import { newId } from "../platform/ids";
import { emit } from "../platform/live/outbox";
import type { CrewAction } from "./crew";
import type { Lane } from "./lane";
import { loadLane, lockLane } from "./repo";
import type { RetryReplicas, Scaling, SetScaling } from "./scaling-contract";

const inWords = ({ min, max, target, idleMinutes }: Scaling): string =>
  `${min === max ? min : `${min} to ${max}`} replicas with ${target} requests in flight each${min === 0 ? `, none after ${idleMinutes} idle minutes` : ""}`;

/** @throws NotFound for a model of another team */
export async function setScaling(ctx: TeamContext, input: z.infer<typeof SetScaling>): Promise<void> {
  await transact(ctx, async (tx) => {
    const { modelId, environment, ...wanted } = input;
    await lockLane(tx, input);
    const { modelName, scaling: before } = await loadLane(tx, ctx.teamId, input);
    await tx
      .insert(scaling)
      .values({ teamId: ctx.teamId, modelId, environment, ...wanted, createdBy: ctx.actor.id });
    await record(tx, ctx, {
      action: "replicas.scaled",
      target: { kind: "model", id: modelId },
      summary: `Set ${modelName} in ${environment} to ${inWords(wanted)}`,
      before,
      after: wanted,
    });
    await emit(tx, { teamId: ctx.teamId, topic: "releases", key: modelId });
  });
}

/** Starts no more replicas of a version. The caller's transaction holds the lane's lock and tells pages. */
export async function giveUp(
  tx: Transaction,
  lane: Lane,
  { versionId, ends, cause }: Extract<CrewAction, { type: "give_up" }>,
  actor: Actor,
): Promise<void> {
  const { teamId, modelId, environment } = lane;
  await tx
    .insert(crashLoop)
    .values({ id: newId("crl"), teamId, modelId, environment, versionId, ends, cause });
  await record(
    tx,
    { teamId, actor, requestId: newId("req") },
    {
      action: "replicas.given_up",
      target: { kind: "model", id: modelId },
      summary: `Gave up starting replicas of ${nameOf(lane, versionId)}: ${ends} ended within 10 min`,
      after: { version: versionId, ends, cause },
    },
  );
}

/**
 * Starts replicas of a version again that were given up.
 *
 * @throws NotFound when none are given up
 */
export async function retryReplicas(ctx: TeamContext, input: z.infer<typeof RetryReplicas>): Promise<void> {
  await transact(ctx, async (tx) => {
    const { modelId, environment, versionId } = input;
    await lockLane(tx, input);
    const lane = await loadLane(tx, ctx.teamId, input);
    const opened = await tx
      .update(crashLoop)
      .set({ retriedAt: sql`now()`, retriedBy: ctx.actor.id })
      .where(
        and(
          eq(crashLoop.teamId, ctx.teamId),
          eq(crashLoop.modelId, modelId),
          eq(crashLoop.environment, environment),
          eq(crashLoop.versionId, versionId),
          isNull(crashLoop.retriedAt),
        ),
      )
      .returning({ cause: crashLoop.cause });
    const [last] = opened;
    if (!last) {
      throw new NotFound("No replicas of this version are given up.", {
        remedy: "Look at the replicas again: somebody may have pressed before you.",
      });
    }
    await record(tx, ctx, {
      action: "replicas.retried",
      target: { kind: "model", id: modelId },
      summary: `Let replicas of ${nameOf(lane, versionId)} start again`,
      before: last,
    });
    await emit(tx, { teamId: ctx.teamId, topic: "releases", key: modelId });
  });
}

const nameOf = (lane: Lane, versionId: string): string => {
  const release = lane.releases.find((r) => r.version.id === versionId);
  return `${laneName(lane.modelName, lane.environment)} v${release?.version.number ?? "?"}`;
};
