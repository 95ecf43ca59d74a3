/** What people decide by: policies in append-only revisions, and what they say beside the evidence. */
import { sql } from "drizzle-orm";
import { index, integer, jsonb, pgTable, text, uniqueIndex } from "drizzle-orm/pg-core";
import { createdAt, environment, id, moment } from "./columns";
import { team, user } from "./identity";
import { model } from "./models";
import { promotionRequest } from "./releases";

export const releasePolicy = pgTable(
  "release_policy",
  {
    id: id(),
    teamId: text("team_id")
      .notNull()
      .references(() => team.id),
    environment: environment(),
    /** Null: of every model of the team that has none of its own. */
    modelId: text("model_id").references(() => model.id),
    revision: integer("revision").notNull(),
    /** `PolicyRules`; null: from here on the scope has none of its own. */
    rules: jsonb("rules"),
    digest: text("digest").notNull(),
    createdBy: text("created_by")
      .notNull()
      .references(() => user.id),
    createdAt: createdAt(),
  },
  (t) => [
    uniqueIndex("release_policy_revision").on(
      t.teamId,
      t.environment,
      sql`coalesce(${t.modelId}, '')`,
      t.revision,
    ),
  ],
);

export const requestComment = pgTable(
  "request_comment",
  {
    id: id(),
    teamId: text("team_id")
      .notNull()
      .references(() => team.id),
    requestId: text("request_id")
      .notNull()
      .references(() => promotionRequest.id),
    authorId: text("author_id")
      .notNull()
      .references(() => user.id),
    /** Empty once it is deleted. */
    body: text("body").notNull(),
    createdAt: createdAt(),
    deletedAt: moment("deleted_at"),
  },
  (t) => [index().on(t.requestId, t.createdAt)],
);
