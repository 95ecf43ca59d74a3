/** Datasets: versioned samples. */
import { jsonb, pgTable, text, uniqueIndex } from "drizzle-orm/pg-core";
import { createdAt, id } from "./columns";
import { team } from "./identity";

export const dataset = pgTable(
  "dataset",
  {
    id: id(),
    teamId: text("team_id")
      .notNull()
      .references(() => team.id),
    name: text("name").notNull(),
    /** sha256 over the sorted digests of its files, its split and its transform. */
    digest: text("digest").notNull(),
    state: text("state", { enum: ["checking", "ready", "refused", "failed"] }).notNull(),
    origin: text("origin", { enum: ["upload", "sample"] }).notNull(),
    files: jsonb("files").notNull(),
    split: jsonb("split").notNull(),
    transform: jsonb("transform").notNull(),
    labels: text("labels").array().notNull().default([]),
    report: jsonb("report"),
    refusal: jsonb("refusal"),
    runId: text("run_id"),
    createdBy: text("created_by"),
    createdAt: createdAt(),
  },
  (t) => [uniqueIndex().on(t.teamId, t.name)],
);
