/** The replicas of one version: which are started, let go, stopped, given up. Pure. */
import type { CrashLoop, Lane, LaneReplica } from "./lane";

export type CrewAction =
  | { type: "start_replica"; versionId: string }
  /** It leaves the route; once no route names it, it is retired. */
  | { type: "let_go"; replicaId: string }
  | { type: "retire_replica"; replicaId: string }
  /** No replica of this version is started any more. */
  | { type: "give_up"; versionId: string; ends: number; cause: string };

/** A version whose replicas end this often within the window is given up. */
export const MOST_ENDS = 5;
export const ENDS_WINDOW_MS = 10 * 60_000;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;

export const hasEnded = (replica: LaneReplica) => replica.state === "failed" || replica.state === "stopped";

/** Those that are there or start, and stay where they are. */
export const staying = (lane: Lane, versionId: string): LaneReplica[] =>
  lane.replicas.filter(
    (r) => r.versionId === versionId && r.isDesired && !hasEnded(r) && !r.isLeaving && !r.isOnDrainingNode,
  );

/** From here on ends of a version's replicas count: somebody approved it, or told to try again. */
function countedSince(lane: Lane, versionId: string): number {
  const approved = lane.releases.find((r) => r.version.id === versionId)?.createdAt;
  const retried = lane.crashLoops.filter((l) => l.versionId === versionId).map((l) => l.retriedAt);
  return Math.max(0, ...[approved, ...retried].map((at) => at?.getTime() ?? 0));
}

type Ended = LaneReplica & { endedAt: Date };

/**
 * Replicas of a version that ended by themselves, the last first. Those that were there together count once, however
 * many they were: a node that is lost takes several, and says nothing of their version.
 */
export function endsOf(lane: Lane, versionId: string): Ended[] {
  const since = countedSince(lane, versionId);
  const ended = lane.replicas
    .flatMap((r) => (r.endedAt && r.versionId === versionId ? [{ ...r, endedAt: r.endedAt }] : []))
    .filter((r) => r.endedAt.getTime() >= since)
    .toSorted((a, b) => a.endedAt.getTime() - b.endedAt.getTime());
  const rounds: Ended[] = [];
  for (const replica of ended) {
    const before = rounds.at(-1);
    if (!before || replica.createdAt >= before.endedAt) rounds.push(replica);
  }
  return rounds.toReversed();
}

/** The crash loop in which a version was given up; undefined while its replicas are started. */
export const crashLoopOf = (lane: Lane, versionId: string): CrashLoop | undefined =>
  lane.crashLoops.find(
    (l) =>
      l.versionId === versionId && !l.retriedAt && l.createdAt.getTime() >= countedSince(lane, versionId),
  );

/** What brings a version to `count` replicas that take part and stay. */
export function planCrew(lane: Lane, versionId: string, count: number, now: Date): CrewAction[] {
  const retired = lane.replicas.filter((r) => r.versionId === versionId && r.isDesired && isOver(lane, r));
  return [
    ...retired.map(({ id }) => ({ type: "retire_replica" as const, replicaId: id })),
    ...leaving(lane, versionId, count).map(({ id }) => ({ type: "let_go" as const, replicaId: id })),
    ...starts(lane, versionId, count, now),
  ];
}

function isOver({ routed }: Lane, replica: LaneReplica): boolean {
  const isRouted = [...(routed?.arms ?? []), ...(routed?.shadow ? [routed.shadow] : [])].some((arm) =>
    arm.replicas.some(({ id }) => id === replica.id),
  );
  return hasEnded(replica) || (replica.isLeaving && !isRouted);
}

/** Who leaves: those too many, the newest first, and those on nodes that drain once enough others are ready. */
function leaving(lane: Lane, versionId: string, count: number): LaneReplica[] {
  const own = staying(lane, versionId);
  const ready = own.filter((r) => r.state === "ready").length;
  const draining = lane.replicas.filter(
    (r) => r.versionId === versionId && r.isDesired && !hasEnded(r) && !r.isLeaving && r.isOnDrainingNode,
  );
  const surplus = own
    .toSorted(
      (a, b) =>
        Number(a.state === "ready") - Number(b.state === "ready") ||
        b.createdAt.getTime() - a.createdAt.getTime(),
    )
    .slice(0, Math.max(0, own.length - count));
  return [...surplus, ...(ready >= count ? draining : [])];
}

function starts(lane: Lane, versionId: string, count: number, now: Date): CrewAction[] {
  const missing = count - staying(lane, versionId).length;
  if (missing <= 0 || crashLoopOf(lane, versionId)) return [];
  const ends = endsOf(lane, versionId).filter((r) => now.getTime() - r.endedAt.getTime() < ENDS_WINDOW_MS);
  const [last] = ends;
  if (last && ends.length >= MOST_ENDS) {
    return [{ type: "give_up", versionId, ends: ends.length, cause: last.message || "It said nothing." }];
  }
  const pause = Math.min(FIRST_PAUSE_MS * 2 ** (ends.length - 1), LONGEST_PAUSE_MS);
  if (last && now.getTime() < last.endedAt.getTime() + pause) return [];
  return Array.from({ length: missing }, () => ({ type: "start_replica" as const, versionId }));
}
