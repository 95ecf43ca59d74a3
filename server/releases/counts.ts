/** How many replicas each version of a lane shall have. Pure. */
import { desiredCount, isIdle, type LoadSample } from "./autoscale";
import { staying } from "./crew";
import {
  type Lane,
  type LaneRelease,
  readyReplicas,
  rollingOf,
  servingOf,
  warmVersions,
  watchedOf,
} from "./lane";
import { mirroredOf, weightOf } from "./rollout";

/**
 * Whether the model goes without replicas until somebody asks. Never while a rollout is watched: a start from nothing
 * would pass for slowness of a version.
 */
export const rests = (lane: Lane, now: Date): boolean =>
  !rollingOf(lane) && !watchedOf(lane) && isIdle(lane.scaling, lane.askedAt, now);

/**
 * Versions by how many replicas they shall have: what answers, what is prepared, and one of each that is kept warm. Of
 * a model that rests the serving version has none, and nothing is kept warm.
 */
export function wantedCounts(
  lane: Lane,
  preparing: LaneRelease | undefined,
  now: Date,
): ReadonlyMap<string, number> {
  const isResting = rests(lane, now);
  const wanted = new Map<string, number>(isResting ? [] : keptWarm(lane).map((versionId) => [versionId, 1]));
  for (const release of [servingOf(lane), rollingOf(lane)])
    if (release) wanted.set(release.version.id, isResting ? 0 : countFor(lane, release, now));
  if (preparing) {
    const already = wanted.get(preparing.version.id) ?? 0;
    wanted.set(preparing.version.id, Math.max(countBefore(lane, preparing, now), already));
  }
  return wanted;
}

/** While a model wakes, what serves starts alone: it is what somebody waits for. */
function keptWarm(lane: Lane): string[] {
  const serving = servingOf(lane);
  const isWaking = lane.scaling.min === 0 && serving && readyReplicas(lane, serving.version.id).length === 0;
  return warmVersions(lane).filter((versionId) => !isWaking || staying(lane, versionId).length > 0);
}

/** How many must be ready before a release answers. A way back from what is wrong does not wait for all of them. */
export const neededBefore = (lane: Lane, release: LaneRelease, now: Date): number =>
  release.kind === "rollback" ? release.replicas : countBefore(lane, release, now);

/** What takes over at once gets all of the load at once. */
function countBefore(lane: Lane, release: LaneRelease, now: Date): number {
  const serving = servingOf(lane);
  const least = Math.max(release.replicas, lane.scaling.min);
  return serving && !release.rollout ? Math.max(least, countFor(lane, serving, now)) : least;
}

function countFor(lane: Lane, release: LaneRelease, now: Date): number {
  const current = staying(lane, release.version.id).length;
  const awake = { ...lane.scaling, min: Math.max(1, lane.scaling.min) };
  return desiredCount(awake, loadOf(lane, release), current, now);
}

/**
 * What a release has to answer: its own load, and its share of what other versions had, so that the load of a version
 * that was replaced is not forgotten with it.
 */
function loadOf(lane: Lane, release: LaneRelease): LoadSample[] {
  const share = shareOf(lane, release);
  const windows = new Map<number, LoadSample>();
  for (const { versionId, at, inFlight } of lane.load) {
    const window = windows.get(at.getTime()) ?? { at, inFlight: 0 };
    const isOwn = versionId === release.version.id;
    windows.set(at.getTime(), { at, inFlight: window.inFlight + inFlight * (isOwn ? 1 : share) });
  }
  return [...windows.values()];
}

/** Of the requests, mirrored ones included: 0…1. */
function shareOf(lane: Lane, release: LaneRelease): number {
  const rollout = rollingOf(lane)?.rollout;
  const weight = rollout ? weightOf(rollout) : 0;
  if (release.state === "serving") return (100 - weight) / 100;
  return rollout ? Math.max(weight, mirroredOf(rollout)) / 100 : 0;
}
