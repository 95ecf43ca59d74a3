/** The cluster as screens see it: nodes and what runs on them, capacity against demand, the ledger. */
import { z } from "zod";

export const CapacityQuery = z.object({
  /** Unix milliseconds. */
  from: z.number().int(),
  to: z.number().int(),
  /** At most as many changes: the chart's width in pixels. */
  width: z.number().int().min(10).max(4000).default(800),
});
export const LedgerQuery = z.object({
  cursor: z.number().int().positive().nullish(),
  limit: z.number().int().min(1).max(100).default(30),
});

/** Of one node of a pool, in dollars; null is not known. */
export const SetPrice = z.object({
  pool: z.string().min(1).max(100),
  pricePerHour: z.number().min(0, "not below 0").max(100_000, "at most $100,000").nullable(),
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
