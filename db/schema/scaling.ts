/** How many replicas a lane has, and versions whose replicas were given up there. */
import { bigserial, index, integer, pgTable, text } from "drizzle-orm/pg-core";
import { createdAt, id, laterEnvironment, moment } from "./columns";
import { team } from "./identity";
import { model, version } from "./models";

/** What was decided of a lane's replicas, append-only: the newest is in force. */
export const scaling = pgTable(
  "scaling",
  {
    revision: bigserial("revision", { mode: "number" }).primaryKey(),
    teamId: text("team_id")
      .notNull()
      .references(() => team.id),
    modelId: text("model_id")
      .notNull()
      .references(() => model.id),
    environment: laterEnvironment(),
    min: integer("min").notNull(),
    max: integer("max").notNull(),
    /** Requests in flight that one replica shall have. */
    target: integer("target").notNull(),
    /** Without a request for so long a model whose `min` is 0 has no replica; nobody minds it elsewhere. */
    idleMinutes: integer("idle_minutes").notNull().default(15),
    createdBy: text("created_by").notNull(),
    createdAt: createdAt(),
  },
  (t) => [index().on(t.modelId, t.revision)],
);

/** A gateway was asked for a version that has no replica, and holds what it was asked until one is there. */
export const wake = pgTable(
  "wake",
  {
    id: id(),
    teamId: text("team_id").notNull(),
    modelId: text("model_id").notNull(),
    versionId: text("version_id").notNull(),
    environment: laterEnvironment(),
    gatewayId: text("gateway_id").notNull(),
    askedAt: moment("asked_at").notNull().defaultNow(),
    /** From the first request that was held to its answer; null until then, and where none came. */
    coldStartMs: integer("cold_start_ms"),
  },
  (t) => [index().on(t.modelId, t.askedAt)],
);

/** A version whose replicas kept ending: none is started until somebody tries again. */
export const crashLoop = pgTable(
  "crash_loop",
  {
    id: id(),
    teamId: text("team_id")
      .notNull()
      .references(() => team.id),
    modelId: text("model_id")
      .notNull()
      .references(() => model.id),
    versionId: text("version_id")
      .notNull()
      .references(() => version.id),
    environment: laterEnvironment(),
    ends: integer("ends").notNull(),
    /** What the last one said. */
    cause: text("cause").notNull(),
    createdAt: createdAt(),
    retriedAt: moment("retried_at"),
    retriedBy: text("retried_by"),
  },
  (t) => [index().on(t.modelId, t.createdAt)],
);
