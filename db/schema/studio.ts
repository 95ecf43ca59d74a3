/** Studio sessions, and every setting that was measured in them. */
import { index, integer, jsonb, pgTable, text, uniqueIndex } from "drizzle-orm/pg-core";
import { createdAt, id, moment } from "./columns";
import { dataset } from "./datasets";
import { team } from "./identity";
import { version } from "./models";

export const studioSession = pgTable(
  "studio_session",
  {
    id: id(),
    teamId: text("team_id")
      .notNull()
      .references(() => team.id),
    versionId: text("version_id")
      .notNull()
      .references(() => version.id),
    datasetId: text("dataset_id")
      .notNull()
      .references(() => dataset.id),
    clusterId: text("cluster_id").notNull(),
    state: text("state", { enum: ["opening", "ready", "failed", "closed"] })
      .notNull()
      .default("opening"),
    message: text("message").notNull().default(""),
    address: text("address"),
    nodeId: text("node_id"),
    createdBy: text("created_by").notNull(),
    createdAt: createdAt(),
    lastUsedAt: moment("last_used_at").notNull().defaultNow(),
    closedAt: moment("closed_at"),
  },
  (t) => [index().on(t.teamId, t.versionId), index().on(t.state)],
);

export const studioMeasurement = pgTable(
  "studio_measurement",
  {
    id: id(),
    teamId: text("team_id")
      .notNull()
      .references(() => team.id),
    versionId: text("version_id").notNull(),
    datasetId: text("dataset_id").notNull(),
    sessionId: text("session_id")
      .notNull()
      .references(() => studioSession.id),
    rev: integer("rev").notNull(),
    settings: jsonb("settings").notNull(),
    /** The last line of each type that the session said of this setting. */
    measured: jsonb("measured").notNull(),
    n: integer("n").notNull(),
    createdBy: text("created_by").notNull(),
    createdAt: createdAt(),
  },
  (t) => [uniqueIndex().on(t.sessionId, t.rev), index().on(t.teamId, t.versionId, t.datasetId)],
);
