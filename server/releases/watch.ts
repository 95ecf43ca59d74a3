/** Alarms of rollouts: what the controller does when a rule fires. A canary ends; what serves alone is rolled back. */
import { randomUUID } from "node:crypto";
import { record } from "../audit/service";
import { laneName } from "../gateway/contract";
import type { Actor } from "../platform/context";
import type { Db, Transaction } from "../platform/db";
import { newId } from "../platform/ids";
import { firing } from "./alarms";
import { type Lane, type LaneRelease, readyReplicas, rollbackTarget, watchedOf } from "./lane";
import { loadLane } from "./repo";
import type { Firing } from "./rollout-contract";
import { endRollouts, moveRollout } from "./rollout-moves";
import { loadSeen, setFired } from "./rollout-repo";
import { servedBy } from "./routing";
import { switchWithin } from "./switch";

const ALARM: Actor = { kind: "system", id: "alarm" };

/** The rule that fires on this lane's rollout, with the data it fired on; null while all is well. */
export async function firedOn(db: Db, lane: Lane, now: Date): Promise<Firing | null> {
  const watched = watchedOf(lane);
  if (!watched?.rollout) return null;
  const seen = await loadSeen(db, lane, watched, now);
  const fired = firing(watched.rollout.strategy.rules, seen, now);
  if (!fired) return null;
  const data = {
    candidate: seen.candidate.map(toJson),
    reference: seen.reference.map(toJson),
    shadow: seen.shadow && { compared: seen.shadow.compared, agreed: seen.shadow.agreed },
  };
  return { ...fired, at: now.toISOString(), data };
}

const toJson = (window: { at: Date; requests: number; errors: number; p99Us: number }) => ({
  ...window,
  at: window.at.toISOString(),
});

/** Takes traffic away from the version whose rule fired. The caller's transaction holds the lane's lock. */
export async function giveWay(tx: Transaction, seen: Lane, fired: Firing): Promise<void> {
  const lane = await loadLane(tx, seen.teamId, seen);
  const watched = watchedOf(lane);
  // Somebody was faster.
  if (!watched?.rollout || watched.rollout.id !== watchedOf(seen)?.rollout?.id) return;
  const why = `alarm: ${fired.words}`;
  await tell(
    tx,
    lane,
    watched,
    "alarm.fired",
    `An alarm fired on ${nameOf(lane, watched)}: ${fired.words}`,
    fired,
  );
  if (watched.state === "rolling_out")
    return moveRollout(tx, lane, watched, { actor: ALARM, move: "abort", why, fired });
  await setFired(tx, lane.teamId, watched.rollout.id, fired);
  const target = rollbackTarget(lane);
  if (!target || readyReplicas(lane, target.version.id).length === 0) return stay(tx, lane, watched, fired);
  await switchWithin(tx, { teamId: lane.teamId, actor: ALARM, requestId: newId("req") }, "rollback", {
    modelId: lane.modelId,
    environment: lane.environment,
    from: watched.id,
    key: randomUUID(),
    reason: why,
  });
}

/** With nowhere warm to go it goes on serving, and says that its rule fired. */
async function stay(tx: Transaction, lane: Lane, watched: LaneRelease, fired: Firing): Promise<void> {
  await endRollouts(tx, lane.teamId, [watched], "done");
  const summary = `${nameOf(lane, watched)} goes on serving, for no earlier version is warm: ${fired.words}`;
  await tell(tx, lane, watched, "rollout.kept", summary, fired);
}

const nameOf = (lane: Lane, { version }: LaneRelease) =>
  `${laneName(lane.modelName, lane.environment)} v${version.number}`;

const tell = (
  tx: Transaction,
  lane: Lane,
  watched: LaneRelease,
  action: "alarm.fired" | "rollout.kept",
  summary: string,
  fired: Firing,
) =>
  record(
    tx,
    { teamId: lane.teamId, actor: ALARM, requestId: newId("req") },
    {
      action,
      target: { kind: "release", id: watched.id },
      summary,
      after: { ...servedBy(watched), rule: fired },
    },
  );
