/** The cluster as screens see it: nodes and what runs on them, capacity against demand, the ledger. */
import { z } from "zod";
import { Id } from "../platform/atoms";
import { Limits, Schedule } from "./schedule-contract";
import { POOL_METRICS } from "./usage/metrics";

export const CapacityQuery = z.object({
  /** Unix milliseconds. */
  from: z.number().int(),
  to: z.number().int(),
  /** At most as many changes: the chart's width in pixels. */
  width: z.number().int().min(10).max(4000).default(800),
});
/** What kind of reason a decision has. */
export const DecisionCause = z.enum([
  ...(["demand", "minimum", "returned", "flapping"] as const),
  ...(["idle", "drained", "preempted", "lost"] as const),
]);
export type DecisionCause = z.infer<typeof DecisionCause>;

export const LedgerQuery = z.object({
  /** Those of one cause, and of one pool; null is all. */
  cause: DecisionCause.nullish(),
  pool: z.string().min(1).max(100).nullish(),
  cursor: z.number().int().positive().nullish(),
  limit: z.number().int().min(1).max(100).default(30),
});

/** What of a pool is set by people: all of it together, as the dialog shows it. */
export const EditPool = z
  .object({
    pool: z.string().min(1).max(100),
    /** Nodes that are kept up, and those that may be, outside the hours of the schedule. */
    ...Limits.shape,
    /** A node leaves after so long without work, s. */
    idleSeconds: z.number().int("whole seconds").min(5, "at least 5 s").max(86_400, "at most a day"),
    /** Of one node, $; null is not known. */
    pricePerHour: z.number().min(0, "not below 0").max(100_000, "at most $100,000").nullable(),
    /** Its nodes may be taken away at any time by whoever lends them. */
    preemptible: z.boolean().default(false),
    /** Office hours with limits of their own; null is the same limits at any time. */
    schedule: Schedule.nullable().default(null),
  })
  .refine(({ min, max }) => min <= max, { message: "not below the least", path: ["max"] });
/** What people set of a pool, as it was read; a configuration may have set what no edit may. */
export const PoolAsRead = z.object({
  ...{ min: z.number(), max: z.number(), idleSeconds: z.number(), preemptible: z.boolean() },
  ...{ schedule: Schedule.nullable(), pricePerHour: z.number().nullable() },
});
/** `was`: what the form was opened on, so that nobody's change is written over unseen. */
export const SetPool = EditPool.safeExtend({ was: PoolAsRead.optional() });

const DAY_MS = 86_400_000;
export const REPLAY_SPANS = { "24h": DAY_MS, "7d": 7 * DAY_MS, "30d": 30 * DAY_MS } as const;
/** The past, played under these limits; pools that are not named keep what they have. */
export const ReplayQuery = z.object({
  span: z.enum(["24h", "7d", "30d"]).default("7d"),
  pools: z.array(EditPool).max(100).default([]),
  /** At most as many points of a course: the chart's width in pixels. */
  width: z.number().int().min(10).max(4000).default(400),
});
/** Limits to look at, as they stand in an address. */
export const ReplayLimits = ReplayQuery.shape.pools.unwrap();

/** A node, by our id of it. */
export const NodeQuery = z.object({ id: Id });
export const DecisionQuery = z.object({ id: z.number().int().positive() });

/**
 * What was used within a time, of the whole cluster, a pool or a node: cores' percent, bytes, bytes a second; of GPUs
 * percent, bytes, °C and watts. Of pools it is the sum, but the mean of GPUs' percent and the hottest GPU.
 */
export const UsageQuery = z
  .object({
    of: z.discriminatedUnion("kind", [
      z.object({ kind: z.literal("cluster") }),
      z.object({ kind: z.literal("pool"), name: z.string().min(1).max(100) }),
      z.object({ kind: z.literal("node"), id: Id }),
    ]),
    metrics: z.array(z.enum(POOL_METRICS)).min(1).max(POOL_METRICS.length),
    /** Unix milliseconds. */
    from: z.number().int().min(0),
    to: z.number().int().max(8e15),
    /** At most as many points: the chart's width in pixels. */
    width: z.number().int().min(10).max(4000).default(800),
  })
  .refine(({ from, to }) => from < to, { message: "the time ends before it begins", path: ["to"] });

/** Takes a node out of service. */
export const TakeOut = z.object({
  id: Id,
  /** `cordon`: what runs on it stays. `drain`: what can move goes on elsewhere. It takes no new work either way. */
  wish: z.enum(["cordon", "drain"]),
  reason: z.string().trim().min(3, "say why, in at least 3 characters").max(200),
});

/** What occupies or asks for resources: a link on every screen. */
export const Occupant = z.object({
  kind: z.enum(["run", "session", "replica"]),
  id: z.string(),
  /** "run 12, rank 0" or "studio of garment-cls v3". */
  label: z.string(),
  /** Where its page is, below the team. */
  path: z.string(),
  cpus: z.number(),
});
export type Occupant = z.infer<typeof Occupant>;
