/** States of this slice as shapes and words. */
import type { Outputs } from "@/components/trpc/client";
import { decimal, duration } from "@/components/ui/format";
import type { State } from "@/components/ui/shape";
import type { Environment } from "@/server/releases/contract";

export type ModelPage = Outputs["releases"]["model"];
export type RequestPage = Outputs["releases"]["request"];
export type Release = ModelPage["releases"][number];
export type RolloutPage = NonNullable<Outputs["releases"]["rollout"]>;
export type Preview = ModelPage["rollback"];

/** What a press on a lane names it by. */
export const laneOf = ({ model, environment }: ModelPage) => ({ modelId: model.id, environment });

/** Each lane in words. */
export const LANE: Record<Environment, { name: string; first: string; prepared: string }> = {
  production: {
    name: "Production",
    first: "Request production for a version.",
    prepared: "An approved request is prepared here before it serves.",
  },
  staging: {
    name: "Staging",
    first: "Release a version to staging.",
    prepared: "A version that its gates let pass is prepared here before it serves.",
  },
};

/** Where a request stands; of one that no person has to approve, without people. */
export const requestState = (request: { state: RequestPage["state"]; environment: Environment }) => {
  if (request.environment === "staging" && request.state === "open")
    return { state: "pending", words: "held up" } as const;
  if (request.environment === "staging" && request.state === "approved")
    return { state: "ok", words: "let through" } as const;
  return REQUEST_STATE[request.state];
};

const REQUEST_STATE: Record<RequestPage["state"], { state: State; words: string }> = {
  measuring: { state: "running", words: "measuring" },
  open: { state: "pending", words: "waiting for approval" },
  approved: { state: "ok", words: "approved" },
  released: { state: "warning", words: "released without approval" },
  declined: { state: "off", words: "declined" },
  withdrawn: { state: "off", words: "withdrawn" },
  void: { state: "warning", words: "void" },
};

export const RELEASE_STATE: Record<Release["state"], { state: State; words: string }> = {
  preparing: { state: "running", words: "preparing" },
  rolling_out: { state: "running", words: "rolling out" },
  serving: { state: "ok", words: "serves" },
  replaced: { state: "off", words: "replaced" },
  failed: { state: "bad", words: "failed" },
};

export const PHASE: Record<RolloutPage["phase"], { state: State; words: string }> = {
  preparing: { state: "pending", words: "preparing" },
  shadow: { state: "running", words: "shadow" },
  canary: { state: "running", words: "canary" },
  baking: { state: "running", words: "serves alone, watched" },
  done: { state: "ok", words: "done" },
  aborted: { state: "bad", words: "aborted" },
};

export const REPLICA_STATE: Record<ModelPage["replicas"][number]["state"], State> = {
  starting: "running",
  ready: "ok",
  failed: "bad",
  stopped: "off",
};

/** What a release did, in one line. */
export function releaseWords(release: Release): string {
  const from = release.fromVersion === null ? "" : ` from v${release.fromVersion}`;
  if (release.kind === "promotion" && release.environment === "staging")
    return `released v${release.version} to staging${from && `, over v${release.fromVersion}`}`;
  if (release.kind === "promotion") return `promoted to v${release.version}${from}`;
  return release.kind === "rollback"
    ? `rolled back to v${release.version}${from}`
    : `forward to v${release.version}${from}`;
}

/** How long a switch will take, by those that were measured. */
export const expectation = (preview: Preview): string =>
  !preview.isWarm && preview.target
    ? `a replica starts first${preview.warmUpMs === null ? "" : `, ${switchMs(preview.warmUpMs)} last time`}`
    : preview.expectedMs === null
      ? "not measured yet"
      : `about ${switchMs(preview.expectedMs)}, last ${switchMs(preview.lastMs)}`;

/** A measured switch: the gateways' clock counts whole milliseconds, so no more is written. */
export const switchMs = (value: number | null): string =>
  value !== null && value >= 1000 ? duration(value / 1000) : `${decimal(value)} ms`;

/** "production, revision 3". */
export const policyTitle = ({ name, revision }: RequestPage["policy"]): string =>
  revision === 0 ? name : `${name}, revision ${revision}`;
