/** Live updates as a tab sees them. */
import { z } from "zod";

/** What an event may be about; its key is the id of what changed. */
export const Topic = z.enum([
  "alerts",
  "cost",
  "models",
  "datasets",
  "runs",
  "releases",
  "cluster",
  "members",
  "audit",
  "studio",
  "hooks",
]);
export type Topic = z.infer<typeof Topic>;

/** `<xid>:<id>` of the last event seen; events after it are sent first. */
export const Cursor = z.string().regex(/^\d{1,20}:\d{1,20}$/);

export const LiveInput = z.object({
  team: z.string(),
  topics: z.array(Topic).min(1).max(40),
  /** Runs whose metrics or logs this tab shows: told when there is news, at most five times a second. */
  tails: z.array(z.string()).max(20).default([]),
  lastEventId: Cursor.nullish(),
});

export const LiveMessage = z.discriminatedUnion("type", [
  z.object({ type: z.literal("hello"), serverTime: z.number() }),
  z.object({
    type: z.literal("event"),
    topic: z.string(),
    key: z.string(),
    payload: z.record(z.string(), z.unknown()),
    at: z.number(),
  }),
  /** New metrics or logs of a run, or something that it tracked: parameters, tags, artifacts, models. */
  z.object({ type: z.literal("news"), runId: z.string(), what: z.enum(["metrics", "logs", "tracked"]) }),
  /** Too much was missed: read everything again. */
  z.object({ type: z.literal("resync") }),
  z.object({ type: z.literal("ping"), serverTime: z.number() }),
]);
export type LiveMessage = z.infer<typeof LiveMessage>;
