/** Runs and their attempts; what workers report: workers' places, checkpoints, logs, metrics. */
import {
  bigint,
  bigserial,
  doublePrecision,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  smallint,
  text,
  uniqueIndex,
} from "drizzle-orm/pg-core";
import { bytea, createdAt, id, moment } from "./columns";
import { team, user } from "./identity";
import { blob } from "./platform";

const runStates = ["queued", "running", "paused", "succeeded", "failed", "stopped"] as const;
const attemptStates = ["placing", "starting", "running", "succeeded", "failed", "stopped", "lost"] as const;

export const run = pgTable(
  "run",
  {
    id: id(),
    teamId: text("team_id")
      .notNull()
      .references(() => team.id),
    /** Counts within the team: what people say and URLs hold. */
    number: integer("number").notNull(),
    kind: text("kind", {
      enum: ["inspect_model", "inspect_dataset", "try_batch", "evaluate", "compress", "train", "script"],
    }).notNull(),
    title: text("title").notNull(),
    state: text("state", { enum: runStates }).notNull().default("queued"),
    spec: jsonb("spec").notNull(),
    resources: jsonb("resources").notNull(),
    clusterId: text("cluster_id").notNull(),
    maxAttempts: integer("max_attempts").notNull().default(3),
    /** What it is about, for links and lists. */
    modelId: text("model_id"),
    versionId: text("version_id"),
    datasetId: text("dataset_id"),
    requestId: text("promotion_request_id"),
    /** What its slice makes of the result: name and note of a new version, for instance. */
    intent: jsonb("intent").notNull().default({}),
    progress: jsonb("progress"),
    result: jsonb("result"),
    resultVersionId: text("result_version_id"),
    cause: jsonb("cause"),
    stopRequestedAt: moment("stop_requested_at"),
    /** Why it is stopped, where nobody pressed Stop. */
    stopReason: text("stop_reason"),
    pauseRequestedAt: moment("pause_requested_at"),
    /** The workers that it has room for besides those it has, and since when; null where there is none. */
    growTo: integer("grow_to"),
    growSince: moment("grow_since"),
    /** Since when its attempt is asked to leave with a checkpoint, so that the next has `grow_to` workers. */
    growRequestedAt: moment("grow_requested_at"),
    /** Attempts that began after a pause, or with more workers: they do not count against `max_attempts`. */
    resumes: integer("resumes").notNull().default(0),
    /** The run that it repeats, or goes on from. */
    originId: text("origin_id"),
    originKind: text("origin_kind", { enum: ["rerun", "continuation"] }),
    /** What its first attempt begins from: the newest checkpoint of the run that it goes on from. */
    startCheckpoint: jsonb("start_checkpoint"),
    priority: text("priority", { enum: ["low", "normal", "high"] })
      .notNull()
      .default("normal"),
    /** Hours that its attempts may run together; null is no limit. */
    maxHours: doublePrecision("max_hours"),
    /** What they may cost together, $; null is no limit. */
    maxCost: doublePrecision("max_cost"),
    createdBy: text("created_by"),
    createdAt: createdAt(),
    startedAt: moment("started_at"),
    endedAt: moment("ended_at"),
    /** Since when nothing finer than 64 steps is left of what it logged. */
    pointsCompactedAt: moment("points_compacted_at"),
  },
  (t) => [
    uniqueIndex().on(t.teamId, t.number),
    index().on(t.teamId, t.createdAt),
    index().on(t.state),
    index().on(t.versionId),
  ],
);

export const attempt = pgTable(
  "attempt",
  {
    id: id(),
    teamId: text("team_id").notNull(),
    runId: text("run_id")
      .notNull()
      .references(() => run.id),
    number: integer("number").notNull(),
    state: text("state", { enum: attemptStates }).notNull().default("placing"),
    /** The Ray job that carries it; a job may carry several attempts, one after another. */
    jobId: text("job_id").notNull(),
    stateSince: moment("state_since").notNull().defaultNow(),
    /** Since when the cluster is asked for it; null while it waits in the queue. */
    admittedAt: moment("admitted_at"),
    /** Workers that it was let in with; while it waits, the most that its run asks for. */
    workerCount: integer("worker_count").notNull().default(1),
    createdAt: createdAt(),
    startedAt: moment("started_at"),
    endedAt: moment("ended_at"),
    lastReportAt: moment("last_report_at"),
    /** A result arrived; succeeded needs a clean exit too. */
    resultAt: moment("result_at"),
    cause: jsonb("cause"),
    firstStep: integer("first_step"),
    lastStep: integer("last_step"),
    stepsLost: integer("steps_lost"),
    workers: jsonb("workers").notNull().default([]),
    /** What the agent last said of its job. */
    observed: jsonb("observed"),
  },
  (t) => [
    uniqueIndex().on(t.runId, t.number),
    index().on(t.state),
    index().on(t.jobId),
    index().on(t.endedAt),
  ],
);

/** Legal moves, read by the triggers that refuse all others. */
export const stateTransition = pgTable(
  "state_transition",
  { machine: text("machine").notNull(), from: text("from_state").notNull(), to: text("to_state").notNull() },
  (t) => [primaryKey({ columns: [t.machine, t.from, t.to] })],
);

export const checkpoint = pgTable(
  "checkpoint",
  {
    id: id(),
    teamId: text("team_id").notNull(),
    runId: text("run_id")
      .notNull()
      .references(() => run.id),
    attemptId: text("attempt_id")
      .notNull()
      .references(() => attempt.id),
    step: integer("step").notNull(),
    sha256: text("sha256")
      .notNull()
      .references(() => blob.sha256),
    bytes: bigint("bytes", { mode: "number" }).notNull(),
    metrics: jsonb("metrics").notNull(),
    createdAt: createdAt(),
  },
  (t) => [uniqueIndex().on(t.attemptId, t.step), index().on(t.runId, t.step)],
);

export const logChunk = pgTable(
  "log_chunk",
  {
    id: bigserial("id", { mode: "number" }).notNull(),
    runId: text("run_id").notNull(),
    attemptId: text("attempt_id")
      .notNull()
      .references(() => attempt.id),
    rank: smallint("rank").notNull(),
    /** Characters written before it in this rank's log. */
    offset: bigint("offset", { mode: "number" }).notNull(),
    length: integer("length").notNull(),
    lines: integer("lines").notNull(),
    /** Deflated UTF-8. */
    body: bytea("body").notNull(),
    createdAt: createdAt(),
  },
  (t) => [primaryKey({ columns: [t.attemptId, t.rank, t.offset] }), index().on(t.runId, t.id)],
);

export const series = pgTable(
  "series",
  {
    id: bigserial("id", { mode: "number" }).primaryKey(),
    runId: text("run_id").notNull(),
    attemptId: text("attempt_id")
      .notNull()
      .references(() => attempt.id),
    rank: smallint("rank").notNull(),
    name: text("name").notNull(),
  },
  (t) => [uniqueIndex().on(t.attemptId, t.rank, t.name), index().on(t.runId)],
);

/** What a chart wants of points. NaN is a value of its own here, greater than all others. */
const summary = {
  n: integer("n").notNull(),
  min: doublePrecision("min").notNull(),
  max: doublePrecision("max").notNull(),
  sum: doublePrecision("sum").notNull(),
  last: doublePrecision("last").notNull(),
  lastStep: bigint("last_step", { mode: "number" }).notNull(),
  lastTs: bigint("last_ts", { mode: "number" }).notNull(),
};

/** The points of 64 steps, or a part of them (`server/runs/points/chunk.ts`). */
export const chunk = pgTable(
  "chunk",
  {
    seriesId: bigint("series_id", { mode: "number" }).notNull(),
    bucket: bigint("bucket", { mode: "number" }).notNull(),
    part: integer("part").notNull(),
    /** Packed points; null once they were compacted to what stands beside. */
    body: bytea("body"),
    ...summary,
  },
  (t) => [primaryKey({ columns: [t.seriesId, t.bucket, t.part] })],
);

/** Of 1,024 steps. */
export const rollup = pgTable(
  "rollup",
  {
    seriesId: bigint("series_id", { mode: "number" }).notNull(),
    bucket: bigint("bucket", { mode: "number" }).notNull(),
    ...summary,
  },
  (t) => [primaryKey({ columns: [t.seriesId, t.bucket] })],
);

/** What a script tracked of itself, by the words of MLflow: parameters never change, tags do. */
export const runParam = pgTable(
  "run_param",
  {
    teamId: text("team_id").notNull(),
    runId: text("run_id")
      .notNull()
      .references(() => run.id),
    key: text("key").notNull(),
    value: text("value").notNull(),
  },
  (t) => [primaryKey({ columns: [t.runId, t.key] })],
);

export const runTag = pgTable(
  "run_tag",
  {
    teamId: text("team_id").notNull(),
    runId: text("run_id")
      .notNull()
      .references(() => run.id),
    key: text("key").notNull(),
    value: text("value").notNull(),
  },
  (t) => [primaryKey({ columns: [t.runId, t.key] })],
);

/** What a person filters the list of runs by, under a name of theirs. */
export const runView = pgTable(
  "run_view",
  {
    id: id(),
    teamId: text("team_id")
      .notNull()
      .references(() => team.id),
    userId: text("user_id")
      .notNull()
      .references(() => user.id, { onDelete: "cascade" }),
    name: text("name").notNull(),
    /** The list's address, from its `?` on. */
    query: text("query").notNull(),
    hiddenColumns: jsonb("hidden_columns").notNull().default([]),
    createdAt: createdAt(),
  },
  (t) => [uniqueIndex().on(t.teamId, t.userId, t.name)],
);

/** A file that a run keeps, at a path of its own choice. */
export const runArtifact = pgTable(
  "run_artifact",
  {
    teamId: text("team_id").notNull(),
    runId: text("run_id")
      .notNull()
      .references(() => run.id),
    path: text("path").notNull(),
    sha256: text("sha256")
      .notNull()
      .references(() => blob.sha256),
    bytes: bigint("bytes", { mode: "number" }).notNull(),
    createdAt: createdAt(),
  },
  (t) => [primaryKey({ columns: [t.runId, t.path] })],
);

/** A model that a script logged; its files are artifacts of the run. */
export const loggedModel = pgTable(
  "logged_model",
  {
    id: id(),
    teamId: text("team_id").notNull(),
    runId: text("run_id")
      .notNull()
      .references(() => run.id),
    name: text("name").notNull(),
    modelType: text("model_type").notNull().default(""),
    status: text("status", { enum: ["PENDING", "READY", "FAILED"] })
      .notNull()
      .default("PENDING"),
    params: jsonb("params").notNull().default({}),
    tags: jsonb("tags").notNull().default({}),
    createdAt: createdAt(),
    updatedAt: moment("updated_at").notNull().defaultNow(),
  },
  (t) => [index().on(t.runId)],
);
