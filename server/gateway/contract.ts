/** What gateways serve: whole route tables by revision, as `route_table.routes` holds them. */
import { z } from "zod";
import { Count, Id, Sha256 } from "../platform/atoms";

export const RouteReplica = z.object({ id: Id, address: z.url() });
export const RouteVersion = z.object({ id: Id, number: z.number().int().positive(), digest: Sha256 });

/** One model of one team: the version that serves it, and where. Model names are unique within a team. */
export const Route = z.object({
  teamId: Id,
  modelId: Id,
  model: z.string(),
  environment: z.literal("production"),
  version: RouteVersion,
  releaseId: Id,
  replicas: z.array(RouteReplica),
});
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
