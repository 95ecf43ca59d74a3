/** Lanes for tests: releases of versions `v1`, `v2`, …, and replicas, at one moment. */
import type { Lane, LaneRelease, LaneReplica } from "./lane";
import { DEFAULT_SCALING } from "./scaling-contract";

export const NOW = new Date("2026-11-23T14:32:08Z");
export const ago = (seconds: number) => new Date(NOW.getTime() - seconds * 1000);

/** Revision `n` serves version `v<version>`. */
export function release(revision: number, version: number, values: Partial<LaneRelease> = {}): LaneRelease {
  return {
    id: `rel_${revision}`,
    environment: "production",
    revision,
    kind: "promotion",
    state: "replaced",
    version: { id: `v${version}`, number: version, digest: `${version}` },
    previousId: null,
    restoresId: null,
    replicas: 1,
    createdAt: ago(1000 - revision),
    replacedAt: ago(500 - revision),
    rolledBackFrom: false,
    rollout: null,
    ...values,
  };
}
export function replica(id: string, version: number, values: Partial<LaneReplica> = {}): LaneReplica {
  return {
    id,
    versionId: `v${version}`,
    state: "ready",
    address: `http://127.0.0.1/${id}`,
    message: "",
    createdAt: ago(60),
    endedAt: values.state === "failed" ? (values.createdAt ?? ago(60)) : null,
    isDesired: true,
    isLeaving: false,
    isOnDrainingNode: false,
    ...values,
  };
}
export const lane = (
  releases: LaneRelease[],
  replicas: LaneReplica[] = [],
  routed: Lane["routed"] = null,
  values: Partial<Pick<Lane, "scaling" | "load" | "crashLoops" | "wakes" | "askedAt">> = {},
): Lane => ({
  teamId: "team_1",
  modelId: "mdl_1",
  environment: "production",
  modelName: "garment",
  releases: releases.toSorted((a, b) => b.revision - a.revision),
  replicas,
  routed,
  scaling: DEFAULT_SCALING,
  load: [],
  crashLoops: [],
  wakes: [],
  askedAt: NOW,
  ...values,
});
export const at = (id: string) => ({ id, address: `http://127.0.0.1/${id}` });
export const serving = { state: "serving", replacedAt: null } as const;
export const preparing = { state: "preparing", replacedAt: null, createdAt: ago(30) } as const;
