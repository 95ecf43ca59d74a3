/** The audit log as screens read it. */
import { z } from "zod";

export const ListEntries = z.object({
  /** Sequence number of the last entry seen; entries before it follow. */
  cursor: z.number().int().positive().nullish(),
  limit: z.number().int().min(1).max(100).default(50),
  /** Exact person or process. */
  actor: z.string().max(100).nullish(),
  /** `release.rolled_back`, or `release` for everything about releases. */
  action: z.string().max(100).nullish(),
  target: z.string().max(100).nullish(),
  /** Words of the sentence, or the beginning of a digest. */
  search: z.string().trim().max(100).nullish(),
});
export type ListEntries = z.infer<typeof ListEntries>;

/** What checking a chain found. */
export const Verification = z.object({
  checked: z.number().int().nonnegative(),
  /** The first entry whose hash does not follow from its content and its predecessor. */
  broken: z.object({ seq: z.number().int(), why: z.string() }).nullable(),
  head: z.string(),
  since: z.date().nullable(),
  tookMs: z.number(),
  at: z.date(),
});
export type Verification = z.infer<typeof Verification>;
