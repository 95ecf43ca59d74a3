/** Brings every lane towards what is desired: the controller's part of releases. */
import { and, eq, inArray, isNull, sql } from "drizzle-orm";
import { replica } from "../../db/schema/releases";
import { record } from "../audit/service";
import { defaultClusterId, desireChanged } from "../engine/service";
import { laneName } from "../gateway/contract";
import type { Actor } from "../platform/context";
import type { Database, Transaction } from "../platform/db";
import { newId } from "../platform/ids";
import { emit } from "../platform/live/outbox";
import { wakeRelay } from "../platform/live/relay";
import type { Lane, LaneKey, LaneRelease } from "./lane";
import { rootOf, servingOf } from "./lane";
import { type Action, plan } from "./plan";
import { activeLanes, loadLane, lockLane, publishRoute, setRelease } from "./repo";
import { beginRollout, endRollouts, moveRollout } from "./rollout-moves";
import { alone, routeOf, servedBy } from "./routing";
import { giveUp } from "./scaling";
import { markWay } from "./switch";
import { firedOn, giveWay } from "./watch";

export { servedBy };

const CONTROLLER: Actor = { kind: "system", id: "controller" };

/** A check that belongs into every transaction of whoever reconciles: the controller's lease. */
export type Fence = (tx: Transaction) => Promise<void>;

/** Looks at every lane; a lane with something to do gets one transaction of its own. */
export async function reconcileReleases(
  db: Database,
  fence: Fence = async () => {},
  now = () => new Date(),
): Promise<void> {
  for (const { teamId, ...key } of await activeLanes(db)) {
    const seen = await loadLane(db, teamId, key);
    const fired = await firedOn(db, seen, now());
    if (!fired && plan(seen, now()).length === 0) continue;
    await db.transaction(async (tx) => {
      await fence(tx);
      await lockLane(tx, key);
      if (fired) await giveWay(tx, seen, fired);
      await advanceLane(tx, teamId, key, CONTROLLER, now());
    });
    wakeRelay();
  }
}

/** Plans and acts on one lane. The caller's transaction holds the lane's lock. */
export async function advanceLane(
  tx: Transaction,
  teamId: string,
  key: LaneKey,
  actor: Actor,
  now = new Date(),
): Promise<void> {
  const lane = await loadLane(tx, teamId, key);
  const actions = plan(lane, now);
  if (actions.length === 0) return;
  const clusterId = await changeReplicas(tx, lane, actions);
  await letGo(tx, lane, actions);
  for (const action of actions) {
    if (action.type === "publish") await publish(tx, lane, action, actor);
    else if (action.type === "begin_rollout")
      await beginRollout(tx, lane, find(lane, action.releaseId), actor);
    else if (action.type === "advance_rollout")
      await moveRollout(tx, lane, find(lane, action.releaseId), { actor, move: "next" });
    else if (action.type === "reroute") await reroute(tx, lane, action);
    else if (action.type === "fail_release") await fail(tx, lane, action, actor);
    else if (action.type === "give_up") await giveUp(tx, lane, action, actor);
  }
  await emit(tx, { teamId, topic: "releases", key: lane.modelId });
  // Last: it locks the cluster's row.
  if (clusterId) await desireChanged(tx, clusterId);
}

/** Answers the cluster whose desired state changed, null when none did. */
async function changeReplicas(
  tx: Transaction,
  lane: Lane,
  actions: readonly Action[],
): Promise<string | null> {
  const retired = actions.flatMap((a) => (a.type === "retire_replica" ? [a.replicaId] : []));
  const started = actions.flatMap((a) => (a.type === "start_replica" ? [a.versionId] : []));
  if (retired.length > 0) {
    await tx
      .update(replica)
      .set({ undesiredAt: sql`now()` })
      .where(and(eq(replica.teamId, lane.teamId), inArray(replica.id, retired), isNull(replica.undesiredAt)));
  }
  if (retired.length + started.length === 0) return null;
  const clusterId = await defaultClusterId(tx);
  const { teamId, modelId, environment } = lane;
  for (const versionId of started)
    await tx.insert(replica).values({ id: newId("rpl"), teamId, modelId, environment, versionId, clusterId });
  return clusterId;
}

/** Takes replicas out of what routes may name; the next look tells gateways, the one after stops them. */
async function letGo(tx: Transaction, lane: Lane, actions: readonly Action[]): Promise<void> {
  const ids = actions.flatMap((a) => (a.type === "let_go" ? [a.replicaId] : []));
  if (ids.length === 0) return;
  await tx
    .update(replica)
    .set({ leavingAt: sql`now()` })
    .where(and(eq(replica.teamId, lane.teamId), inArray(replica.id, ids)));
}

const find = (lane: Lane, releaseId: string): LaneRelease => {
  const release = lane.releases.find((r) => r.id === releaseId);
  if (!release) throw new Error(`the plan names release ${releaseId}, which the lane does not have`);
  return release;
};

async function publish(
  tx: Transaction,
  lane: Lane,
  action: Extract<Action, { type: "publish" }>,
  actor: Actor,
): Promise<void> {
  const release = find(lane, action.releaseId);
  const serving = servingOf(lane);
  const words = `${lane.modelName} v${release.version.number} serves ${lane.environment}`;
  const route = routeOf(lane, alone(release.id, action.replicas));
  const routeRevision = await publishRoute(tx, route, `revision ${release.revision}: ${words}`);
  if (serving) await setRelease(tx, lane.teamId, [serving.id], { state: "replaced", isReplacedNow: true });
  await endRollouts(tx, lane.teamId, serving ? [serving, release] : [release], "done");
  // A way back or forward that had to be warmed first.
  if (serving && release.kind !== "promotion")
    await markWay(tx, lane, release.kind, serving, rootOf(lane, release));
  await setRelease(tx, lane.teamId, [release.id], {
    state: "serving",
    message: "",
    routeRevision,
    isServingNow: true,
  });
  await record(
    tx,
    { teamId: lane.teamId, actor, requestId: newId("req") },
    {
      action: "release.served",
      target: { kind: "release", id: release.id },
      summary: `${words}, revision ${release.revision}`,
      before: serving ? servedBy(serving) : null,
      after: servedBy(release),
    },
  );
}

async function reroute(
  tx: Transaction,
  lane: Lane,
  action: Extract<Action, { type: "reroute" }>,
): Promise<void> {
  await publishRoute(
    tx,
    routeOf(lane, action.routing),
    `replicas of ${laneName(lane.modelName, lane.environment)} changed`,
  );
}

async function fail(
  tx: Transaction,
  lane: Lane,
  action: Extract<Action, { type: "fail_release" }>,
  actor: Actor,
): Promise<void> {
  const release = find(lane, action.releaseId);
  await setRelease(tx, lane.teamId, [release.id], { state: "failed", message: action.message });
  await endRollouts(tx, lane.teamId, [release], "aborted");
  await record(
    tx,
    { teamId: lane.teamId, actor, requestId: newId("req") },
    {
      action: "release.failed",
      target: { kind: "release", id: release.id },
      summary: `Revision ${release.revision} of ${lane.modelName} failed; ${lane.environment} did not change`,
      after: { ...servedBy(release), why: action.message },
    },
  );
}
