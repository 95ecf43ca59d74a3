import { sql } from "drizzle-orm";
import { event } from "../../../db/schema/platform";
import type { Db } from "../db";
import type { Topic } from "./contract";

/** One change: the topic is what tabs listen to, the key is the id of what changed. */
export interface OutboxEvent {
  teamId: string | null;
  topic: Topic;
  key: string;
  payload?: Record<string, unknown>;
}

/** Writes events in the caller's transaction: either both happen or neither. */
export async function emit(tx: Db, ...events: OutboxEvent[]): Promise<void> {
  await tx.insert(event).values(events.map((e) => ({ ...e, payload: e.payload ?? {} })));
}

/** Tabs that were away for longer read everything again. */
export async function dropOldEvents(tx: Db): Promise<void> {
  await tx.delete(event).where(sql`${event.createdAt} < now() - interval '1 day'`);
}
