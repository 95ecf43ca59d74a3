/** How many replicas a model has in production: what people choose. */
import { z } from "zod";
import { Id } from "../platform/atoms";

/** A cluster serves all teams; one model does not take it whole. */
export const MOST_REPLICAS = 32;

export const Scaling = z
  .object({
    min: z.number().int().min(1, "at least one replica").max(MOST_REPLICAS),
    max: z.number().int().min(1).max(MOST_REPLICAS, `at most ${MOST_REPLICAS} replicas`),
    /** Requests in flight that one replica shall have. */
    target: z.number().int().min(1, "at least one request").max(1000),
  })
  .refine(({ min, max }) => min <= max, {
    path: ["max"],
    message: "the maximum is below the minimum: raise it",
  });
export type Scaling = z.infer<typeof Scaling>;

export const DEFAULT_SCALING: Scaling = { min: 1, max: 1, target: 8 };

export const SetScaling = z.object({ modelId: Id }).and(Scaling);
export const RetryReplicas = z.object({ modelId: Id, versionId: Id });
