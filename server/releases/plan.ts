/** What a lane needs next: from what is desired and what was observed to actions. Pure; `reconcile.ts` does them. */
import { neededBefore, wantedCounts } from "./counts";
import { type CrewAction, endsOf, planCrew, staying } from "./crew";
import {
  type Lane,
  type LaneRelease,
  type Routing,
  readyReplicas,
  rollingOf,
  servingOf,
  watchedOf,
} from "./lane";
import { dueAt } from "./rollout";
import { isRouted, wantedRouting } from "./routing";

export type Action =
  | CrewAction
  | { type: "fail_release"; releaseId: string; message: string }
  /** Traffic moves to this release. */
  | { type: "publish"; releaseId: string; replicas: { id: string; address: string }[] }
  /** First requests reach this release, as its strategy has it. */
  | { type: "begin_rollout"; releaseId: string }
  /** The rollout of this release is due to go on. */
  | { type: "advance_rollout"; releaseId: string }
  /** Replicas changed. */
  | { type: "reroute"; routing: Routing };

/** A release whose replicas end this often before it serves fails: nobody waits for more of the same. */
export const TRIES = 3;
export const PREPARE_LIMIT_MS = 10 * 60_000;

export function plan(lane: Lane, now: Date): Action[] {
  const [preparing, ...overtaken] = lane.releases.filter((r) => r.state === "preparing");
  const actions: Action[] = overtaken.map((release) => ({
    type: "fail_release",
    releaseId: release.id,
    message: `Overtaken by revision ${preparing?.revision}.`,
  }));

  const failure = preparing && whyGivenUp(lane, preparing, now);
  if (preparing && failure) actions.push({ type: "fail_release", releaseId: preparing.id, message: failure });
  const coming = failure ? undefined : preparing;
  const wanted = wantedCounts(lane, coming, now);

  for (const replica of lane.replicas) {
    if (replica.isDesired && !wanted.has(replica.versionId))
      actions.push({ type: "retire_replica", replicaId: replica.id });
  }
  for (const [versionId, count] of wanted) actions.push(...planCrew(lane, versionId, count, now));

  return [...actions, ...movesOf(lane, coming, now)];
}

/** What changes of who serves: one thing at a time. */
function movesOf(lane: Lane, preparing: LaneRelease | undefined, now: Date): Action[] {
  const replicas = preparing ? readyReplicas(lane, preparing.version.id) : [];
  if (preparing && replicas.length >= neededBefore(lane, preparing, now)) {
    const rolling = rollingOf(lane);
    const ended: Action[] = rolling
      ? [
          {
            type: "fail_release",
            releaseId: rolling.id,
            message: `Overtaken by revision ${preparing.revision}.`,
          },
        ]
      : [];
    // With nothing to compare it with it takes over at once.
    const isGradual = preparing.rollout !== null && servingOf(lane) !== undefined;
    const releaseId = preparing.id;
    return [
      ...ended,
      isGradual ? { type: "begin_rollout", releaseId } : { type: "publish", releaseId, replicas },
    ];
  }
  const watched = watchedOf(lane);
  const due = watched?.rollout ? dueAt(watched.rollout) : null;
  const isDue = due !== null && now >= due;
  const hasReplica = watched && readyReplicas(lane, watched.version.id).length > 0;
  if (watched && isDue && hasReplica) return [{ type: "advance_rollout", releaseId: watched.id }];
  const routing = wantedRouting(lane);
  return routing && !isRouted(lane, routing) ? [{ type: "reroute", routing }] : [];
}

function whyGivenUp(lane: Lane, release: LaneRelease, now: Date): string | null {
  const ended = endsOf(lane, release.version.id);
  if (ended.length >= TRIES) {
    return `${ended.length} replicas of v${release.version.number} ended before they were ready; the last said: ${ended[0]?.message || "nothing"}`;
  }
  if (now.getTime() - release.createdAt.getTime() > PREPARE_LIMIT_MS) {
    const waits = staying(lane, release.version.id)[0]?.message;
    return `No replica of v${release.version.number} was ready within 10 min${waits ? `; it waits: ${waits}` : ""}.`;
  }
  return null;
}
