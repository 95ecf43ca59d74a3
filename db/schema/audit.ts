/** Who did what to what: a hash chain for each team, written in the action's own transaction. */
import { bigint, index, jsonb, pgTable, text, uniqueIndex } from "drizzle-orm/pg-core";
import { createdAt, id } from "./columns";
import { team } from "./identity";

export const auditEntry = pgTable(
  "audit_entry",
  {
    id: id(),
    teamId: text("team_id")
      .notNull()
      .references(() => team.id),
    seq: bigint("seq", { mode: "number" }).notNull(),
    createdAt: createdAt(),
    actorKind: text("actor_kind", { enum: ["person", "system"] }).notNull(),
    /** A person's id, or the process that acted. */
    actor: text("actor").notNull(),
    /** `noun.verb` in the past: `version.created`, `release.rolled_back`. */
    action: text("action").notNull(),
    targetKind: text("target_kind").notNull(),
    targetId: text("target_id").notNull(),
    /** One sentence that a person reads. */
    summary: text("summary").notNull(),
    before: jsonb("before"),
    after: jsonb("after"),
    requestId: text("request_id"),
    previousHash: text("previous_hash").notNull(),
    hash: text("hash").notNull(),
  },
  (t) => [uniqueIndex().on(t.teamId, t.seq), index().on(t.teamId, t.createdAt)],
);
