/** A lane is one environment of one model: its revisions and replicas, and pure questions about them. */
import type { LoadSample } from "./autoscale";
import type { Environment } from "./contract";
import { isWatched, type Rollout } from "./rollout";
import type { Scaling } from "./scaling-contract";

/** What tells a lane from the others of its team. */
export interface LaneKey {
  modelId: string;
  environment: Environment;
}
export interface LaneRelease {
  id: string;
  environment: Environment;
  revision: number;
  kind: "promotion" | "rollback" | "forward";
  state: "preparing" | "rolling_out" | "serving" | "replaced" | "failed";
  version: { id: string; number: number; digest: string };
  previousId: string | null;
  restoresId: string | null;
  replicas: number;
  createdAt: Date;
  replacedAt: Date | null;
  rolledBackFrom: boolean;
  /** Null for one that takes over at once. */
  rollout: Rollout | null;
}
export interface LaneReplica {
  id: string;
  versionId: string;
  state: "starting" | "ready" | "failed" | "stopped";
  address: string | null;
  message: string;
  createdAt: Date;
  /** When it ended by itself. */
  endedAt: Date | null;
  isDesired: boolean;
  /** It is out of every route and about to be stopped. */
  isLeaving: boolean;
  isOnDrainingNode: boolean;
}
/** Replicas of a version kept ending; none is started until somebody tries again. */
export interface CrashLoop {
  versionId: string;
  ends: number;
  cause: string;
  createdAt: Date;
  retriedAt: Date | null;
}
/** A gateway was asked for a version without a replica. */
export interface Wake {
  versionId: string;
  askedAt: Date;
  /** Until the request that woke it was answered, ms; null where it was not yet. */
  coldStartMs: number | null;
}
/** Which releases answer which share, and through which replicas. */
export interface Routing {
  arms: readonly {
    releaseId: string;
    weight: number;
    replicas: readonly { id: string; address: string }[];
  }[];
  shadow: {
    releaseId: string;
    percent: number;
    replicas: readonly { id: string; address: string }[];
  } | null;
}
export interface Lane extends LaneKey {
  teamId: string;
  modelName: string;
  /** Newest first. */
  releases: readonly LaneRelease[];
  /** Desired ones, and those that started or ended in the last hour. */
  replicas: readonly LaneReplica[];
  scaling: Scaling;
  /** Of the last minutes. */
  load: readonly (LoadSample & { versionId: string })[];
  crashLoops: readonly CrashLoop[];
  /** The last ones, the newest first. */
  wakes: readonly Wake[];
  /** When it was last asked for an answer, or began to serve; null where neither happened within two hours. */
  askedAt: Date | null;
  /** What gateways are told now. */
  routed: Routing | null;
}

/** How many versions besides the serving one keep a replica, so that the way back takes milliseconds. */
export const KEPT_WARM = 2;

export const servingOf = (lane: Lane): LaneRelease | undefined =>
  lane.releases.find((release) => release.state === "serving");

/** The release that a share of the requests reaches, beside the serving one. */
export const rollingOf = (lane: Lane): LaneRelease | undefined =>
  lane.releases.find((release) => release.state === "rolling_out");

/** The release whose rollout alarms look at: rolled out, or serving alone for its bake time. */
export const watchedOf = (lane: Lane): LaneRelease | undefined =>
  lane.releases.find(
    (r) => (r.state === "rolling_out" || r.state === "serving") && r.rollout && isWatched(r.rollout),
  );

export const readyReplicas = (lane: Lane, versionId: string) =>
  lane.replicas.flatMap((r) =>
    r.isDesired && !r.isLeaving && r.state === "ready" && r.versionId === versionId && r.address
      ? [{ id: r.id, address: r.address }]
      : [],
  );

/** The revision whose version a release restores; the release itself when it was a promotion. */
export function rootOf(lane: Lane, release: LaneRelease): LaneRelease {
  const restored = lane.releases.find((r) => r.id === release.restoresId);
  return restored ? rootOf(lane, restored) : release;
}

const served = (lane: Lane, versionId: string) =>
  lane.releases.filter((r) => r.state === "replaced" && r.restoresId === null && r.version.id !== versionId);

/** Where rolling back leads: during a rollout what serves beside it, else the last healthy revision below the serving one that was not itself rolled back from. */
export function rollbackTarget(lane: Lane): LaneRelease | undefined {
  const serving = servingOf(lane);
  if (!serving) return undefined;
  if (rollingOf(lane)) return rootOf(lane, serving);
  const position = rootOf(lane, serving).revision;
  return served(lane, serving.version.id).find((r) => r.revision < position && !r.rolledBackFrom);
}

/** The way forward after a rollback: the next revision above the serving one. */
export function forwardTarget(lane: Lane): LaneRelease | undefined {
  const serving = servingOf(lane);
  if (!serving) return undefined;
  const position = rootOf(lane, serving).revision;
  return served(lane, serving.version.id).findLast((r) => r.revision > position);
}

/** Versions that served most recently, besides the serving one: they keep a replica. */
export function warmVersions(lane: Lane): string[] {
  const serving = servingOf(lane);
  const byTime = lane.releases
    .filter((r) => r.state === "replaced" && r.version.id !== serving?.version.id)
    .toSorted((a, b) => (b.replacedAt?.getTime() ?? 0) - (a.replacedAt?.getTime() ?? 0));
  return [...new Set(byTime.map((r) => r.version.id))].slice(0, KEPT_WARM);
}
