/** How releases reach all of the traffic: rollouts with their alarms, what gateways count for them, and drills. */
import {
  boolean,
  doublePrecision,
  index,
  integer,
  jsonb,
  pgTable,
  text,
  uniqueIndex,
} from "drizzle-orm/pg-core";
import { createdAt, id, laterEnvironment, moment } from "./columns";
import { team } from "./identity";
import { model, version } from "./models";
import { release } from "./releases";

/** The way of one release from its first request to all of them; none for a release that takes over at once. */
export const rollout = pgTable(
  "rollout",
  {
    id: id(),
    teamId: text("team_id")
      .notNull()
      .references(() => team.id),
    modelId: text("model_id")
      .notNull()
      .references(() => model.id),
    releaseId: text("release_id")
      .notNull()
      .references(() => release.id),
    /** A `Strategy`. */
    strategy: jsonb("strategy").notNull(),
    phase: text("phase", {
      enum: ["preparing", "shadow", "canary", "baking", "done", "aborted"],
    }).notNull(),
    /** Index into the steps of a canary. */
    step: integer("step").notNull().default(0),
    isHeld: boolean("is_held").notNull().default(false),
    /** When the phase, or the step of the canary, began. */
    since: moment("since").notNull().defaultNow(),
    /** The `Firing` that ended it. */
    fired: jsonb("fired"),
    createdAt: createdAt(),
    endedAt: moment("ended_at"),
  },
  (t) => [uniqueIndex().on(t.releaseId), index().on(t.modelId, t.createdAt)],
);

/** Requests by model, version and 10 s: what alarms and the number of replicas follow. Kept for two hours. */
export const servingWindow = pgTable(
  "serving_window",
  {
    teamId: text("team_id").notNull(),
    modelId: text("model_id").notNull(),
    versionId: text("version_id").notNull(),
    environment: laterEnvironment(),
    gatewayId: text("gateway_id").notNull(),
    at: moment("at").notNull(),
    requests: integer("requests").notNull(),
    errors: integer("errors").notNull(),
    p50Us: integer("p50_us").notNull(),
    p99Us: integer("p99_us").notNull(),
    /** Requests under way, the mean over these 10 s. */
    inFlight: doublePrecision("in_flight").notNull().default(0),
  },
  (t) => [
    uniqueIndex("serving_window_lane").on(t.modelId, t.versionId, t.environment, t.gatewayId, t.at),
    index().on(t.at),
  ],
);

/** Mirrored requests by shadow, answering version and minute. */
export const shadowMinute = pgTable(
  "shadow_minute",
  {
    teamId: text("team_id").notNull(),
    modelId: text("model_id").notNull(),
    versionId: text("version_id").notNull(),
    referenceId: text("reference_id").notNull(),
    environment: laterEnvironment(),
    gatewayId: text("gateway_id").notNull(),
    minute: moment("minute").notNull(),
    compared: integer("compared").notNull(),
    agreed: integer("agreed").notNull(),
    notCompared: integer("not_compared").notNull(),
    dropped: integer("dropped").notNull(),
    p50Us: integer("p50_us").notNull(),
    p99Us: integer("p99_us").notNull(),
    referenceP50Us: integer("reference_p50_us").notNull(),
    referenceP99Us: integer("reference_p99_us").notNull(),
  },
  (t) => [
    uniqueIndex("shadow_minute_lane").on(
      t.modelId,
      t.versionId,
      t.referenceId,
      t.environment,
      t.gatewayId,
      t.minute,
    ),
  ],
);

/** Rehearsals of a rollback: everything but publishing. */
export const drill = pgTable(
  "drill",
  {
    id: id(),
    teamId: text("team_id")
      .notNull()
      .references(() => team.id),
    modelId: text("model_id")
      .notNull()
      .references(() => model.id),
    environment: laterEnvironment(),
    /** Where the rollback would have led. */
    versionId: text("version_id")
      .notNull()
      .references(() => version.id),
    by: text("by").notNull(),
    isWarm: boolean("is_warm").notNull(),
    /** Lock, lane, table: until it could have been published, µs. */
    planUs: integer("plan_us").notNull(),
    /** The answer of the target's replica to a request of its signature, µs; null when it did not answer. */
    answerUs: integer("answer_us"),
    /** What went wrong; empty when nothing did. */
    message: text("message").notNull().default(""),
    createdAt: createdAt(),
  },
  (t) => [index().on(t.modelId, t.createdAt)],
);
