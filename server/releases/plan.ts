/** What a lane needs next: from what is desired and what was observed to actions. Pure; `reconcile.ts` does them. */
import {
  type Lane,
  type LaneRelease,
  type LaneReplica,
  type Routing,
  readyReplicas,
  rollingOf,
  servingOf,
  warmVersions,
  watchedOf,
} from "./lane";
import { dueAt } from "./rollout";
import { isRouted, wantedRouting } from "./routing";

export type Action =
  | { type: "start_replica"; versionId: string }
  | { type: "retire_replica"; replicaId: string }
  | { type: "fail_release"; releaseId: string; message: string }
  /** Traffic moves to this release. */
  | { type: "publish"; releaseId: string; replicas: { id: string; address: string }[] }
  /** First requests reach this release, as its strategy has it. */
  | { type: "begin_rollout"; releaseId: string }
  /** The rollout of this release is due to go on. */
  | { type: "advance_rollout"; releaseId: string }
  /** Replicas changed. */
  | { type: "reroute"; routing: Routing };

/** A release whose replicas end this often is given up. */
export const TRIES = 3;
export const PREPARE_LIMIT_MS = 10 * 60_000;
const FAILURE_WINDOW_MS = 10 * 60_000;
const BACKOFF_MS = 5_000;
const BACKOFF_MAX_MS = 120_000;

const isLive = (replica: LaneReplica) =>
  replica.isDesired && (replica.state === "starting" || replica.state === "ready");
const hasEnded = (replica: LaneReplica) => replica.state === "failed" || replica.state === "stopped";

export function plan(lane: Lane, now: Date): Action[] {
  const serving = servingOf(lane);
  const [preparing, ...overtaken] = lane.releases.filter((r) => r.state === "preparing");
  const actions: Action[] = overtaken.map((release) => ({
    type: "fail_release",
    releaseId: release.id,
    message: `Overtaken by revision ${preparing?.revision}.`,
  }));

  const wanted = new Map<string, number>(warmVersions(lane).map((versionId) => [versionId, 1]));
  const rolling = rollingOf(lane);
  for (const release of [serving, rolling]) if (release) wanted.set(release.version.id, release.replicas);
  const failure = preparing && whyGivenUp(lane, preparing, now);
  if (preparing && failure) actions.push({ type: "fail_release", releaseId: preparing.id, message: failure });
  else if (preparing) {
    const already = wanted.get(preparing.version.id) ?? 0;
    wanted.set(preparing.version.id, Math.max(preparing.replicas, already));
  }

  for (const replica of lane.replicas) {
    const isUnwanted = !wanted.has(replica.versionId) || hasEnded(replica);
    if (replica.isDesired && isUnwanted) actions.push({ type: "retire_replica", replicaId: replica.id });
  }
  for (const [versionId, count] of wanted) {
    const own = lane.replicas.filter((r) => r.versionId === versionId);
    const missing = count - own.filter(isLive).length;
    const isPatient = versionId === preparing?.version.id || now.getTime() >= nextTry(own, now);
    for (let i = 0; i < missing && isPatient; i += 1) actions.push({ type: "start_replica", versionId });
  }

  return [...actions, ...movesOf(lane, failure ? undefined : preparing, now)];
}

/** What changes of who serves: one thing at a time. */
function movesOf(lane: Lane, preparing: LaneRelease | undefined, now: Date): Action[] {
  const replicas = preparing ? readyReplicas(lane, preparing.version.id) : [];
  if (preparing && replicas.length >= preparing.replicas) {
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
  const tried = lane.replicas.filter(
    (r) => r.versionId === release.version.id && r.createdAt >= release.createdAt,
  );
  const ended = tried.filter(hasEnded).toSorted((a, b) => b.createdAt.getTime() - a.createdAt.getTime());
  if (ended.length >= TRIES) {
    return `${ended.length} replicas of v${release.version.number} ended before they were ready; the last said: ${ended[0]?.message || "nothing"}`;
  }
  if (now.getTime() - release.createdAt.getTime() > PREPARE_LIMIT_MS) {
    const waits = tried.find(isLive)?.message;
    return `No replica of v${release.version.number} was ready within 10 min${waits ? `; it waits: ${waits}` : ""}.`;
  }
  return null;
}

/** Replicas that keep ending are started ever more rarely, so that a broken version does not churn the cluster. */
function nextTry(own: readonly LaneReplica[], now: Date): number {
  const recent = own.filter((r) => hasEnded(r) && now.getTime() - r.createdAt.getTime() < FAILURE_WINDOW_MS);
  if (recent.length === 0) return 0;
  const newest = Math.max(...recent.map((r) => r.createdAt.getTime()));
  return newest + Math.min(BACKOFF_MS * 2 ** (recent.length - 1), BACKOFF_MAX_MS);
}
