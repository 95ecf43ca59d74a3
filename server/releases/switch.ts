/**
 * Roll back, and forward again. To a warm version it is one transaction that waits for nobody and works with the
 * controller stopped; a cold one is warmed first, by the controller, while what serves goes on.
 */
import { createHash } from "node:crypto";
import { record } from "../audit/service";
import { type TeamContext, transact } from "../platform/context";
import type { Transaction } from "../platform/db";
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
  rollingOf,
  rootOf,
  servingOf,
} from "./lane";
import { findRelease, insertRelease, loadLane, lockLane, publishRoute, setRelease } from "./repo";
import { endRollouts } from "./rollout-moves";
import { alone, routeOf, servedBy } from "./routing";

type Direction = "rollback" | "forward";
const WORDS = {
  rollback: {
    did: "Rolled back",
    action: "release.rolled_back",
    verb: "roll back",
    warms: "release.rollback_warms",
  },
  forward: {
    did: "Went forward",
    action: "release.went_forward",
    verb: "go forward",
    warms: "release.forward_warms",
  },
} as const;

const NEXT = {
  production: "Request production for another version.",
  staging: "Release another version to staging.",
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
 * Moves an environment to an earlier or later version: at once where it is warm, else when its replica is ready.
 *
 * @throws Conflict when something else serves than the person saw, or what they press for is being warmed already
 * @throws NotFound when there is nowhere to go
 */
export async function switchRelease(
  ctx: TeamContext,
  direction: Direction,
  input: Switch,
): Promise<Switched> {
  return transact(ctx, (tx) => switchWithin(tx, ctx, direction, input));
}

/** The same in a transaction of the caller's. */
export async function switchWithin(
  tx: Transaction,
  ctx: Omit<TeamContext, "db" | "teamSlug">,
  direction: Direction,
  input: Switch,
): Promise<Switched> {
  await lockLane(tx, input);
  const id = idOfPress(ctx.teamId, input.key);
  const done = await findRelease(tx, ctx.teamId, id);
  if (done) return { releaseId: id, revision: done.revision, routeRevision: done.routeRevision };

  const lane = await loadLane(tx, ctx.teamId, input);
  const serving = servingThatWasSeen(lane, input.from);
  const target = findTarget(lane, direction, input.to);
  const replicas = readyReplicas(lane, target.version.id);
  const isWarm = replicas.length > 0;
  if (!isWarm) refuseWarmedAlready(lane, target);
  // During a rollout the step back is away from the version that comes, not from the one that serves.
  const rolling = rollingOf(lane);
  const left = rolling && target.id === rootOf(lane, serving).id ? rolling : serving;
  const { did, action, warms, verb } = WORDS[direction];
  const revision = (lane.releases[0]?.revision ?? 0) + 1;
  const way = `${lane.modelName} ${lane.environment} from v${left.version.number} to v${target.version.number}`;
  const summary = isWarm ? `${did} ${way}` : `Began to ${verb} ${way}, which is warmed first`;
  const route = routeOf(lane, alone(id, replicas), [{ id, version: target.version }]);
  const routeRevision = isWarm ? await publishRoute(tx, route, `revision ${revision}: ${summary}`) : null;
  await giveUpComing(tx, lane, direction);
  if (isWarm) {
    await setRelease(tx, lane.teamId, [serving.id], { state: "replaced", isReplacedNow: true });
    await endRollouts(tx, lane.teamId, [serving], "aborted");
    await markWay(tx, lane, direction, left, target);
  }
  await insertRelease(tx, {
    id,
    teamId: ctx.teamId,
    modelId: input.modelId,
    environment: lane.environment,
    revision,
    versionId: target.version.id,
    kind: direction,
    previousId: left.id,
    restoresId: target.id,
    replicas: target.replicas,
    state: isWarm ? "serving" : "preparing",
    message: input.reason,
    createdBy: ctx.actor.id,
    routeRevision,
  });
  await record(tx, ctx, {
    action: isWarm ? action : warms,
    target: { kind: "release", id },
    summary: input.reason ? `${summary}: ${input.reason}` : summary,
    before: servedBy(left),
    after: { ...servedBy(target), revision },
  });
  await emit(tx, { teamId: ctx.teamId, topic: "releases", key: input.modelId });
  return { releaseId: id, revision, routeRevision };
}

/** Two people who press at once mean the same step: the second is told what serves now instead of going on. */
function servingThatWasSeen(lane: Lane, from: string): LaneRelease {
  const serving = servingOf(lane);
  if (!serving) throw new NotFound(`${lane.modelName} has nothing in ${lane.environment}.`);
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
  const usual = direction === "rollback" ? rollbackTarget(lane) : forwardTarget(lane);
  const chosen = lane.releases.find((r) => r.id === to && r.state === "replaced");
  const target = to === undefined || to === usual?.id ? usual : chosen && rootOf(lane, chosen);
  if (!target) {
    throw new NotFound(`There is no revision of ${lane.modelName} to ${WORDS[direction].verb} to.`, {
      remedy: NEXT[lane.environment],
    });
  }
  return target;
}

/** Remembers which revisions were rolled back from: they are no default target any more, until someone goes forward. */
export async function markWay(
  tx: Transaction,
  lane: Lane,
  direction: Direction,
  left: LaneRelease,
  target: LaneRelease,
): Promise<void> {
  if (direction === "forward") return setRelease(tx, lane.teamId, [target.id], { rolledBackFrom: false });
  const from = [...new Set([left.id, rootOf(lane, left).id])];
  await setRelease(tx, lane.teamId, from, { rolledBackFrom: true });
}

/** What was to come must not take over after a rollback. */
async function giveUpComing(tx: Transaction, lane: Lane, direction: Direction): Promise<void> {
  const coming = lane.releases.filter((r) => r.state === "preparing" || r.state === "rolling_out");
  await setRelease(
    tx,
    lane.teamId,
    coming.map((r) => r.id),
    {
      state: "failed",
      message: `Given up: ${lane.environment} was ${direction === "rollback" ? "rolled back" : "moved forward"} meanwhile.`,
    },
  );
  await endRollouts(tx, lane.teamId, coming, "aborted");
}

/** @throws Conflict */
function refuseWarmedAlready(lane: Lane, target: LaneRelease): void {
  const warming = lane.releases.find((r) => r.state === "preparing" && r.restoresId === target.id);
  if (!warming) return;
  throw new Conflict(`v${target.version.number} is being warmed already, revision ${warming.revision}.`, {
    code: "target_warming",
    remedy: "It serves as soon as its replica is ready.",
  });
}
