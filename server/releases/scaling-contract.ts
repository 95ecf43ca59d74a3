/** How many replicas a model has in an environment: what people choose. */
import { z } from "zod";
import { Id } from "../platform/atoms";
import { LaneId } from "./contract";

/** A cluster serves all teams; one model does not take it whole. */
export const MOST_REPLICAS = 32;

export const Scaling = z
  .object({
    /** 0: it sleeps after an idle time, and a request wakes it. */
    min: z.number().int().min(0, "0 or more replicas").max(MOST_REPLICAS),
    max: z.number().int().min(1).max(MOST_REPLICAS, `at most ${MOST_REPLICAS} replicas`),
    /** Requests in flight that one replica shall have. */
    target: z.number().int().min(1, "at least one request").max(1000),
    /** Minutes without a request after which a model whose `min` is 0 sleeps. */
    idleMinutes: z.number().int().min(1, "at least one minute").max(60, "at most 60 minutes").default(15),
  })
  .refine(({ min, max }) => min <= max, {
    path: ["max"],
    message: "the maximum is below the minimum: raise it",
  });
export type Scaling = z.infer<typeof Scaling>;

export const DEFAULT_SCALING: Scaling = { min: 1, max: 1, target: 8, idleMinutes: 15 };

/** Nobody pays for what nobody looks at: the first request after a while waits for it to wake. */
export const STAGING_SCALING: Scaling = { ...DEFAULT_SCALING, min: 0 };

export const SetScaling = LaneId.and(Scaling);
export const RetryReplicas = LaneId.extend({ versionId: Id });
