/** Which routes a lane wants: pure, from its releases, their rollouts and the replicas that are ready. */
import type { Route } from "../gateway/contract";
import { type Lane, type LaneRelease, type Routing, readyReplicas, rollingOf, servingOf } from "./lane";
import { mirroredOf, type Position, weightOf } from "./rollout";

type Replicas = readonly { id: string; address: string }[];

/** All traffic to one release. */
export const alone = (releaseId: string, replicas: Replicas): Routing => ({
  arms: [{ releaseId, weight: 100, replicas }],
  shadow: null,
});

/**
 * What gateways should be told: the serving release, the one that is rolled out, its shadow. A version without a ready
 * replica keeps those it had; null where one never had any. A model that may sleep is told of without any, so that
 * gateways hold what they are asked.
 */
export function wantedRouting(lane: Lane): Routing | null {
  const serving = servingOf(lane);
  if (!serving) return null;
  const before = [...(lane.routed?.arms ?? []), ...(lane.routed?.shadow ? [lane.routed.shadow] : [])];
  const maySleep = lane.scaling.min === 0;
  const replicasOf = (release: LaneRelease): Replicas => {
    const ready = readyReplicas(lane, release.version.id);
    return ready.length > 0 || maySleep
      ? ready
      : (before.find((r) => r.releaseId === release.id)?.replicas ?? []);
  };
  const rolling = rollingOf(lane);
  const share = rolling?.rollout ? weightOf(rolling.rollout) : 0;
  const percent = rolling?.rollout ? mirroredOf(rolling.rollout) : 0;
  const arms = [{ releaseId: serving.id, weight: 100 - share, replicas: replicasOf(serving) }];
  if (rolling && share > 0)
    arms.push({ releaseId: rolling.id, weight: share, replicas: replicasOf(rolling) });
  const shadow =
    rolling && percent > 0 ? { releaseId: rolling.id, percent, replicas: replicasOf(rolling) } : null;
  const hasAll = arms.every((arm) => arm.replicas.length > 0) && (!shadow || shadow.replicas.length > 0);
  return hasAll || maySleep ? { arms, shadow } : null;
}

/** The lane once a release's rollout is there: who serves follows from it. */
export function laneAfter(lane: Lane, release: LaneRelease, position: Position): Lane {
  const takesOver = position.phase === "baking" || position.phase === "done";
  const stateOf = (r: LaneRelease): LaneRelease["state"] => {
    if (r.id !== release.id) return takesOver && r.state === "serving" ? "replaced" : r.state;
    if (takesOver) return "serving";
    return position.phase === "aborted" ? "failed" : "rolling_out";
  };
  return {
    ...lane,
    releases: lane.releases.map((r) => ({
      ...r,
      state: stateOf(r),
      rollout: r.id === release.id && r.rollout ? { ...r.rollout, ...position } : r.rollout,
    })),
  };
}

/** Whether gateways are told this already, whatever the order of replicas. */
export function isRouted({ routed }: Lane, wanted: Routing): boolean {
  if (!routed || routed.arms.length !== wanted.arms.length) return false;
  const sameReplicas = (a: Replicas, b: Replicas) =>
    a.length === b.length && a.every((x) => b.some((y) => x.id === y.id && x.address === y.address));
  const sameArms = wanted.arms.every((arm) =>
    routed.arms.some(
      (r) =>
        r.releaseId === arm.releaseId && r.weight === arm.weight && sameReplicas(r.replicas, arm.replicas),
    ),
  );
  const [a, b] = [routed.shadow, wanted.shadow];
  if (!a || !b) return sameArms && a === b;
  return (
    sameArms && a.releaseId === b.releaseId && a.percent === b.percent && sameReplicas(a.replicas, b.replicas)
  );
}

/** The route of this routing. `made` are releases that the lane does not have yet. */
export function routeOf(
  lane: Lane,
  routing: Routing,
  made: readonly Pick<LaneRelease, "id" | "version">[] = [],
): Route {
  const versionOf = (releaseId: string) => {
    const release = [...made, ...lane.releases].find((r) => r.id === releaseId);
    if (!release) throw new Error(`a routing names release ${releaseId}, which the lane does not have`);
    const { id, number, digest } = release.version;
    return { id, number, digest };
  };
  const { arms, shadow } = routing;
  return {
    teamId: lane.teamId,
    modelId: lane.modelId,
    model: lane.modelName,
    environment: lane.environment,
    arms: arms.map((arm) => ({ ...arm, replicas: [...arm.replicas], version: versionOf(arm.releaseId) })),
    shadow: shadow && { ...shadow, replicas: [...shadow.replicas], version: versionOf(shadow.releaseId) },
  };
}

/** What an audit entry says of a release. */
export const servedBy = (release: Pick<LaneRelease, "environment" | "version" | "revision">) => ({
  environment: release.environment,
  version: `v${release.version.number}`,
  digest: release.version.digest,
  revision: release.revision,
});
