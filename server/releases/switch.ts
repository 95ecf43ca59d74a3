/** Roll back, and forward again: one transaction that waits for nobody and works with the controller stopped. */
import { createHash } from "node:crypto";
import { record } from "../audit/service";
import { type TeamContext, transact } from "../platform/context";
import { Conflict, NotFound } from "../platform/errors";
import { newId } from "../platform/ids";
import { emit } from "../platform/live/outbox";
import type { Switch } from "./contract";
import {
  forwardTarget,
  type Lane,
  type LaneRelease,
  readyReplicas,
  rollbackTarget,
  rootOf,
  servingOf,
} from "./lane";
import { routeOf, servedBy } from "./reconcile";
import { findRelease, insertRelease, loadLane, lockLane, publishRoute, setRelease } from "./repo";

type Direction = "rollback" | "forward";
const WORDS = {
  rollback: { did: "Rolled back", action: "release.rolled_back", verb: "roll back" },
  forward: { did: "Went forward", action: "release.went_forward", verb: "go forward" },
} as const;

/** The id of the release that a press makes: the same press again finds the same release. */
const idOfPress = (teamId: string, key: string): string =>
  newId("rel", (n) => createHash("sha256").update(`${teamId}:${key}`).digest().subarray(0, n));

export interface Switched {
  releaseId: string;
  revision: number;
  routeRevision: number | null;
}

/**
 * Moves production to a version that is warm.
 *
 * @throws Conflict when something else serves than the person saw, or the target has no ready replica
 * @throws NotFound when there is nowhere to go
 */
export async function switchRelease(
  ctx: TeamContext,
  direction: Direction,
  input: Switch,
): Promise<Switched> {
  return transact(ctx, async (tx) => {
    await lockLane(tx, input.modelId);
    const id = idOfPress(ctx.teamId, input.key);
    const done = await findRelease(tx, ctx.teamId, id);
    if (done) return { releaseId: id, revision: done.revision, routeRevision: done.routeRevision };

    const lane = await loadLane(tx, ctx.teamId, input.modelId);
    const serving = servingThatWasSeen(lane, input.from);
    const target = findTarget(lane, direction, input.to);
    const replicas = readyReplicas(lane, target.version.id);
    if (replicas.length === 0) {
      throw new Conflict(`v${target.version.number} is not warm: it has no ready replica.`, {
        code: "target_not_warm",
        remedy: `Wait until its replica is ready, or request production for v${target.version.number}.`,
      });
    }
    const { did, action } = WORDS[direction];
    const revision = (lane.releases[0]?.revision ?? 0) + 1;
    const summary = `${did} ${lane.modelName} production from v${serving.version.number} to v${target.version.number}`;
    const route = routeOf(lane, id, target.version, replicas);
    const routeRevision = await publishRoute(tx, route, `revision ${revision}: ${summary}`);
    await leave(tx, lane, serving, direction, target);
    await insertRelease(tx, {
      id,
      teamId: ctx.teamId,
      modelId: input.modelId,
      environment: "production",
      revision,
      versionId: target.version.id,
      kind: direction,
      previousId: serving.id,
      restoresId: target.id,
      replicas: target.replicas,
      state: "serving",
      message: input.reason,
      createdBy: ctx.actor.id,
      routeRevision,
    });
    await record(tx, ctx, {
      action,
      target: { kind: "release", id },
      summary: input.reason ? `${summary}: ${input.reason}` : summary,
      before: servedBy(serving),
      after: { ...servedBy(target), revision },
    });
    await emit(tx, { teamId: ctx.teamId, topic: "releases", key: input.modelId });
    return { releaseId: id, revision, routeRevision };
  });
}

/** Two people who press at once mean the same step: the second is told what serves now instead of going on. */
function servingThatWasSeen(lane: Lane, from: string): LaneRelease {
  const serving = servingOf(lane);
  if (!serving) throw new NotFound(`${lane.modelName} has nothing in production.`);
  if (serving.id !== from) {
    throw new Conflict(
      `v${serving.version.number} serves since a moment ago, revision ${serving.revision}.`,
      {
        code: "serving_changed",
        remedy: "Look at what serves now, then decide again.",
      },
    );
  }
  return serving;
}

function findTarget(lane: Lane, direction: Direction, to: string | undefined): LaneRelease {
  const chosen = lane.releases.find((r) => r.id === to && r.state === "replaced");
  const target = to
    ? chosen && rootOf(lane, chosen)
    : direction === "rollback"
      ? rollbackTarget(lane)
      : forwardTarget(lane);
  if (!target) {
    throw new NotFound(`There is no revision of ${lane.modelName} to ${WORDS[direction].verb} to.`, {
      remedy: "Request production for another version.",
    });
  }
  return target;
}

/** Ends the serving release and gives up what was being prepared: it must not take over after a rollback. */
async function leave(
  tx: Parameters<typeof setRelease>[0],
  lane: Lane,
  serving: LaneRelease,
  direction: Direction,
  target: LaneRelease,
): Promise<void> {
  await setRelease(tx, lane.teamId, [serving.id], { state: "replaced", isReplacedNow: true });
  if (direction === "rollback") {
    const left = [...new Set([serving.id, rootOf(lane, serving).id])];
    await setRelease(tx, lane.teamId, left, { rolledBackFrom: true });
  } else await setRelease(tx, lane.teamId, [target.id], { rolledBackFrom: false });
  const preparing = lane.releases.filter((r) => r.state === "preparing").map((r) => r.id);
  await setRelease(tx, lane.teamId, preparing, {
    state: "failed",
    message: `Given up: production was ${direction === "rollback" ? "rolled back" : "moved forward"} meanwhile.`,
  });
}
