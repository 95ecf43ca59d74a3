/** Webhooks: endpoints of a team, and what was sent to each. */
import { index, integer, pgTable, text, uniqueIndex } from "drizzle-orm/pg-core";
import { createdAt, id, moment } from "./columns";
import { team, user } from "./identity";

export const webhook = pgTable(
  "webhook",
  {
    id: id(),
    teamId: text("team_id")
      .notNull()
      .references(() => team.id),
    url: text("url").notNull(),
    events: text("events").array().notNull(),
    /** Its secret, sealed with a key derived from the server's. */
    sealed: text("sealed").notNull(),
    createdBy: text("created_by")
      .notNull()
      .references(() => user.id),
    createdAt: createdAt(),
    removedAt: moment("removed_at"),
  },
  (t) => [index().on(t.teamId)],
);

export const webhookDelivery = pgTable(
  "webhook_delivery",
  {
    /** Sent as `webhook-id`: the same with every try, so that receivers can tell a repetition. */
    id: id(),
    teamId: text("team_id")
      .notNull()
      .references(() => team.id),
    webhookId: text("webhook_id")
      .notNull()
      .references(() => webhook.id),
    /** The audit entry that it tells of, or the press that asked for a test. */
    causeId: text("cause_id").notNull(),
    type: text("type").notNull(),
    /** The very bytes that are signed. */
    body: text("body").notNull(),
    state: text("state", { enum: ["pending", "delivered", "dead"] })
      .notNull()
      .default("pending"),
    tries: integer("tries").notNull().default(0),
    /** No try after this. */
    deadAt: moment("dead_at").notNull(),
    nextAt: moment("next_at").notNull().defaultNow(),
    lastStatus: integer("last_status"),
    lastError: text("last_error"),
    lastMs: integer("last_ms"),
    createdAt: createdAt(),
    deliveredAt: moment("delivered_at"),
  },
  (t) => [
    uniqueIndex().on(t.webhookId, t.causeId),
    index().on(t.state, t.nextAt),
    index().on(t.teamId, t.createdAt),
  ],
);

/** How far in the outbox the deliveries are made up. */
export const webhookCursor = pgTable("webhook_cursor", {
  name: text("name").primaryKey(),
  cursor: text("cursor").notNull(),
});
