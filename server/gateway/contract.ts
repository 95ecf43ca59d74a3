/** What gateways serve: whole route tables by revision, as `route_table.routes` holds them. */
import { z } from "zod";
import { Count, Id, Sha256 } from "../platform/atoms";

/** Each model has a lane in either; what serves in one never depends on the other. */
export const Environment = z.enum(["staging", "production"]);
export type Environment = z.infer<typeof Environment>;

const STAGING = "@staging";
/** The name under which a gateway is asked for a lane: `garment` of production, `garment@staging` of staging. */
export const laneName = (model: string, environment: Environment): string =>
  environment === "production" ? model : `${model}${STAGING}`;
/** The environment that such a name means. */
export const environmentOf = (name: string): Environment =>
  name.endsWith(STAGING) ? "staging" : "production";

export const RouteReplica = z.object({ id: Id, address: z.url() });
export type RouteReplica = z.infer<typeof RouteReplica>;
export const RouteVersion = z.object({ id: Id, number: z.number().int().positive(), digest: Sha256 });

/** A version that answers a share of a model's requests. */
export const RouteArm = z.object({
  version: RouteVersion,
  releaseId: Id,
  /** Percent of the requests that name no version. */
  weight: z.number().int().min(0).max(100),
  replicas: z.array(RouteReplica),
});
export type RouteArm = z.infer<typeof RouteArm>;

/** A version that is asked the same as the arms, after their answer is out; what it says reaches nobody. */
export const RouteShadow = z.object({
  version: RouteVersion,
  releaseId: Id,
  percent: z.number().int().min(1).max(100),
  replicas: z.array(RouteReplica),
});
export type RouteShadow = z.infer<typeof RouteShadow>;

const OneVersion = z.object({ version: z.unknown(), releaseId: z.unknown(), replicas: z.unknown() });
/** Tables of before canaries, in databases and in files of gateways, hold one version a route. */
function toArms(stored: unknown): unknown {
  const old = OneVersion.loose().safeParse(stored);
  if (!old.success || "arms" in old.data) return stored;
  const { version, releaseId, replicas, ...route } = old.data;
  return { ...route, arms: [{ version, releaseId, replicas, weight: 100 }] };
}

/** One lane of a team: the versions that serve it, and where. Model names are unique within a team. */
export const Route = z.preprocess(
  toArms,
  z.object({
    teamId: Id,
    modelId: Id,
    model: z.string(),
    environment: Environment,
    arms: z
      .array(RouteArm)
      .min(1)
      .refine((arms) => arms.reduce((sum, arm) => sum + arm.weight, 0) === 100, "the weights sum to 100"),
    shadow: RouteShadow.nullable().default(null),
  }),
);
export type Route = z.infer<typeof Route>;

export const RouteTable = z.object({ routes: z.array(Route) });
export type RouteTable = z.infer<typeof RouteTable>;

/** A table as it is in force: the highest revision is. */
export const RevisedTable = RouteTable.extend({ revision: Count });
export type RevisedTable = z.infer<typeof RevisedTable>;

/** The channel on which publishing a table wakes the gateways. */
export const ROUTES_CHANNEL = "lathe_routes";

/** Scope that an API token needs to ask a gateway. */
export const INFERENCE_SCOPE = "inference";

/** What the body of a request may have, packed or not; replicas hold it too. */
export const MAX_BODY_BYTES = 64 * 2 ** 20;
