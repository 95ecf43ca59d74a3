/** What every slice stands on: the outbox, leases, blobs and unfinished uploads. */
import { bigint, bigserial, index, jsonb, pgTable, primaryKey, text } from "drizzle-orm/pg-core";
import { createdAt, currentXid, id, moment, xid8 } from "./columns";
import { team, user } from "./identity";

/** The outbox: written in the transaction of the change it tells of, read in `(xid, id)` order. */
export const event = pgTable(
  "event",
  {
    id: bigserial("id", { mode: "bigint" }).primaryKey(),
    xid: xid8("xid").notNull().default(currentXid),
    teamId: text("team_id"),
    topic: text("topic").notNull(),
    key: text("key").notNull(),
    payload: jsonb("payload").notNull(),
    createdAt: createdAt(),
  },
  (t) => [index().on(t.xid, t.id), index().on(t.createdAt)],
);

/** Leadership: a TTL and an epoch that every write of the holder is checked against. */
export const lease = pgTable("lease", {
  name: text("name").primaryKey(),
  holder: text("holder").notNull(),
  epoch: bigint("epoch", { mode: "number" }).notNull(),
  expiresAt: moment("expires_at").notNull(),
});

export const blob = pgTable("blob", {
  sha256: text("sha256").primaryKey(),
  bytes: bigint("bytes", { mode: "number" }).notNull(),
  createdAt: createdAt(),
});

/** Which team may read which blob. Bytes are shared, access is not. */
export const teamBlob = pgTable(
  "team_blob",
  {
    teamId: text("team_id")
      .notNull()
      .references(() => team.id),
    sha256: text("sha256")
      .notNull()
      .references(() => blob.sha256),
    createdAt: createdAt(),
  },
  (t) => [primaryKey({ columns: [t.teamId, t.sha256] })],
);

/** An upload by a person: resumable until finished, then a blob. */
export const upload = pgTable(
  "upload",
  {
    id: id(),
    teamId: text("team_id")
      .notNull()
      .references(() => team.id),
    purpose: text("purpose").notNull(),
    filename: text("filename").notNull(),
    bytes: bigint("bytes", { mode: "number" }).notNull(),
    createdBy: text("created_by")
      .notNull()
      .references(() => user.id),
    createdAt: createdAt(),
    sha256: text("sha256").references(() => blob.sha256),
    finishedAt: moment("finished_at"),
  },
  (t) => [index().on(t.teamId)],
);
