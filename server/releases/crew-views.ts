/** What a page shows of the replicas of each version. Pure. */
import { wantedCounts } from "./counts";
import { crashLoopOf, endsOf } from "./crew";
import { type Lane, readyReplicas } from "./lane";

export interface CrewView {
  versionId: string;
  version: number;
  wanted: number;
  ready: number;
  /** Requests in flight, the mean over the last whole 10 s; 0 where none were counted. */
  inFlight: number;
  /** How often one ended by itself within the last hour. */
  ends: number;
  /** It goes without replicas until somebody asks. */
  isAsleep: boolean;
  /** Since when a request waits for its first replica; null while none does. */
  wakesSince: Date | null;
  /** From the request that last woke it to its answer, ms; null where none did. */
  coldStartMs: number | null;
  /** Why none is started any more; null while they are. */
  crashLoop: { ends: number; cause: string; createdAt: Date } | null;
}

const HOUR_MS = 3_600_000;
/** A gateway stores what it counted every 5 s; older than this nothing is under way. */
const FRESH_MS = 25_000;

/** Versions that are to have replicas, the newest first. */
export function crewsOf(lane: Lane, now: Date): CrewView[] {
  const preparing = lane.releases.find((r) => r.state === "preparing");
  return [...wantedCounts(lane, preparing, now)]
    .flatMap(([versionId, wanted]) => {
      const version = lane.releases.find((r) => r.version.id === versionId)?.version.number;
      return version === undefined
        ? []
        : [
            {
              versionId,
              version,
              wanted,
              ...stateOf(lane, versionId, now),
              ...sleepOf(lane, versionId, wanted),
            },
          ];
    })
    .toSorted((a, b) => b.version - a.version);
}

function stateOf(lane: Lane, versionId: string, now: Date) {
  const loop = crashLoopOf(lane, versionId);
  const ends = endsOf(lane, versionId).filter((r) => now.getTime() - r.endedAt.getTime() < HOUR_MS);
  return {
    ready: readyReplicas(lane, versionId).length,
    inFlight: inFlightOf(lane, versionId, now),
    ends: ends.length,
    crashLoop: loop ? { ends: loop.ends, cause: loop.cause, createdAt: loop.createdAt } : null,
  };
}

function sleepOf(lane: Lane, versionId: string, wanted: number) {
  const wakes = lane.wakes.filter((w) => w.versionId === versionId);
  const [last] = wakes;
  const hasReady = readyReplicas(lane, versionId).length > 0;
  return {
    isAsleep: wanted === 0 && !hasReady,
    wakesSince: wanted > 0 && !hasReady && last?.coldStartMs === null ? last.askedAt : null,
    coldStartMs: wakes.find((w) => w.coldStartMs !== null)?.coldStartMs ?? null,
  };
}

/** Of the last two windows the busier: the newest is not over. */
function inFlightOf(lane: Lane, versionId: string, now: Date): number {
  const fresh = lane.load.filter(
    (s) => s.versionId === versionId && now.getTime() - s.at.getTime() < FRESH_MS,
  );
  return Math.max(0, ...fresh.map((s) => s.inFlight));
}
