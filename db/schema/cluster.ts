/** Clusters as their agents see them; history as intervals, not samples. */
import { sql } from "drizzle-orm";
import {
  bigint,
  bigserial,
  boolean,
  doublePrecision,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  real,
  text,
  uniqueIndex,
} from "drizzle-orm/pg-core";
import { bytea, createdAt, id, moment } from "./columns";

export const cluster = pgTable("cluster", {
  id: id(),
  name: text("name").notNull().unique(),
  /** sha256 of the agent's token, and of the one-time token that enrols it. */
  tokenHash: text("token_hash").unique(),
  enrolTokenHash: text("enrol_token_hash").unique(),
  /** Rises with every change of what is desired of it. */
  desiredRevision: bigint("desired_revision", { mode: "number" }).notNull().default(1),
  appliedRevision: bigint("applied_revision", { mode: "number" }).notNull().default(0),
  incarnation: text("incarnation"),
  /** Incarnations before it, the newest first: what comes of them is late. */
  superseded: text("superseded").array().notNull().default([]),
  lastSeq: bigint("last_seq", { mode: "number" }).notNull().default(-1),
  lastSeenAt: moment("last_seen_at"),
  /** Since when its agent has spoken without a break. */
  seenSince: moment("seen_since"),
  /** When the newest observation was taken: it never goes back, whatever the clock does. */
  observedAt: moment("observed_at"),
  /** Since when Ray does not answer the agent, and what it says of it. */
  silentSince: moment("silent_since"),
  silence: text("silence"),
  /** Values that could not be true, ever. */
  droppedReadings: bigint("dropped_readings", { mode: "number" }).notNull().default(0),
  /** The newest `ObservedCluster`. */
  observed: jsonb("observed"),
  createdAt: createdAt(),
});

export const pool = pgTable(
  "pool",
  {
    id: id(),
    clusterId: text("cluster_id")
      .notNull()
      .references(() => cluster.id),
    name: text("name").notNull(),
    min: integer("min").notNull(),
    max: integer("max").notNull(),
    idleSeconds: integer("idle_seconds").notNull(),
    resources: jsonb("resources").notNull(),
    /** Of one of its nodes, $; null is not known. */
    pricePerHour: doublePrecision("price_per_hour"),
    /** Its nodes may be taken away at any time by whoever lends them. */
    preemptible: boolean("preemptible").notNull().default(false),
    /** `KeptSchedule`; with it `min` and `max` are what is in force now, and change with the hour. */
    schedule: jsonb("schedule"),
    /** When somebody set its limits; from then on they stand, whatever the configuration says. */
    editedAt: moment("edited_at"),
  },
  (t) => [uniqueIndex().on(t.clusterId, t.name)],
);

/** A node's life. */
export const node = pgTable(
  "node",
  {
    id: id(),
    clusterId: text("cluster_id")
      .notNull()
      .references(() => cluster.id),
    /** Ray's own id. */
    nodeId: text("node_id").notNull(),
    name: text("name").notNull(),
    pool: text("pool").notNull(),
    isHead: boolean("is_head").notNull(),
    state: text("state", { enum: ["active", "idle", "draining", "gone"] }).notNull(),
    stateSince: moment("state_since").notNull().defaultNow(),
    cpus: doublePrecision("cpus").notNull(),
    gpus: doublePrecision("gpus").notNull(),
    memoryBytes: bigint("memory_bytes", { mode: "number" }).notNull(),
    /** Its pool's, for its whole life: what was in force when it left, $. */
    pricePerHour: doublePrecision("price_per_hour"),
    /** The newest `ObservedNode`. */
    observed: jsonb("observed").notNull(),
    startedAt: moment("started_at").notNull().defaultNow(),
    endedAt: moment("ended_at"),
    endReason: text("end_reason", { enum: ["idle", "drained", "preempted", "lost"] }),
    /** Names it in rows of which there are millions. */
    serial: integer("serial").generatedAlwaysAsIdentity(),
    /** What an operator wants of it: see `DesiredNode`. */
    wish: text("wish", { enum: ["cordon", "drain"] }),
    wishReason: text("wish_reason"),
    wishedAt: moment("wished_at"),
    wishedBy: text("wished_by"),
  },
  (t) => [
    uniqueIndex().on(t.clusterId, t.nodeId),
    index().on(t.clusterId, t.startedAt),
    uniqueIndex().on(t.serial),
    index("node_alive").on(t.clusterId).where(sql`${t.state} <> 'gone'`),
  ],
);

/** A node's life in pieces: a row for each time in one state. Those of a node never overlap. */
export const nodeInterval = pgTable(
  "node_interval",
  {
    id: bigserial("id", { mode: "number" }).primaryKey(),
    clusterId: text("cluster_id")
      .notNull()
      .references(() => cluster.id),
    nodeId: text("node_id").notNull(),
    state: text("state", { enum: ["active", "idle", "draining"] }).notNull(),
    since: moment("since").notNull(),
    /** Null while it lasts. */
    until: moment("until"),
  },
  (t) => [
    uniqueIndex("node_interval_open").on(t.clusterId, t.nodeId).where(sql`${t.until} is null`),
    index().on(t.clusterId, t.nodeId, t.since),
    index().on(t.clusterId, t.until),
  ],
);

/** A demand's life: since when somebody asks for a shape that no node has free, until none of it is left. */
export const demandInterval = pgTable(
  "demand_interval",
  {
    id: bigserial("id", { mode: "number" }).primaryKey(),
    clusterId: text("cluster_id")
      .notNull()
      .references(() => cluster.id),
    /** Its shape and owner, in one spelling. */
    key: text("key").notNull(),
    shape: jsonb("shape").notNull(),
    owner: text("owner"),
    /** How many of it now, or when it ended, and at most. */
    count: integer("count").notNull(),
    peak: integer("peak").notNull(),
    since: moment("since").notNull(),
    until: moment("until"),
  },
  (t) => [
    uniqueIndex("demand_interval_open").on(t.clusterId, t.key).where(sql`${t.until} is null`),
    index().on(t.clusterId, t.since),
  ],
);

/**
 * What is being added up: readings since a bucket began, packed (`usage/bucket.ts`). Unlogged, since it is written
 * every second and a crash of the database costs a minute of a chart.
 */
export const usageOpen = pgTable(
  "usage_open",
  {
    clusterId: text("cluster_id")
      .notNull()
      .references(() => cluster.id),
    of: text("of", { enum: ["node", "pool"] }).notNull(),
    at: moment("at").notNull(),
    packed: bytea("packed").notNull(),
    /** With nodes: the newest `Readings` as JSON. */
    latest: text("latest"),
    latestAt: moment("latest_at"),
  },
  (t) => [primaryKey({ columns: [t.clusterId, t.of] })],
);

/** What a node used within `level` seconds from `at`: means and peaks in the order of `usage/metrics.ts`. */
export const nodeUsage = pgTable(
  "node_usage",
  {
    serial: integer("serial").notNull(),
    level: integer("level").notNull(),
    at: moment("at").notNull(),
    mean: real("mean").array().notNull(),
    peak: real("peak").array().notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.serial, t.level, t.at] }),
    index("node_usage_at").using("brin", t.at),
    index("node_usage_coarse").on(t.at).where(sql`${t.level} = 3600`),
  ],
);

/** The same of the nodes of a pool together; of all nodes under the name "". */
export const poolUsage = pgTable(
  "pool_usage",
  {
    clusterId: text("cluster_id")
      .notNull()
      .references(() => cluster.id),
    pool: text("pool").notNull(),
    level: integer("level").notNull(),
    at: moment("at").notNull(),
    mean: real("mean").array().notNull(),
    peak: real("peak").array().notNull(),
  },
  (t) => [primaryKey({ columns: [t.clusterId, t.pool, t.level, t.at] })],
);

/** Capacity against demand: one row a change, valid until the next. */
export const capacityChange = pgTable(
  "capacity_change",
  {
    id: bigserial("id", { mode: "number" }).primaryKey(),
    clusterId: text("cluster_id")
      .notNull()
      .references(() => cluster.id),
    at: moment("at").notNull().defaultNow(),
    nodes: integer("nodes").notNull(),
    cpus: doublePrecision("cpus").notNull(),
    cpusUsed: doublePrecision("cpus_used").notNull(),
    cpusWanted: doublePrecision("cpus_wanted").notNull(),
    gpus: doublePrecision("gpus").notNull(),
    gpusUsed: doublePrecision("gpus_used").notNull(),
    gpusWanted: doublePrecision("gpus_wanted").notNull(),
  },
  (t) => [index().on(t.clusterId, t.at)],
);

/** The ledger: each scaling decision with the demand behind it and its reason in words. */
export const scalingDecision = pgTable(
  "scaling_decision",
  {
    id: bigserial("id", { mode: "number" }).primaryKey(),
    clusterId: text("cluster_id")
      .notNull()
      .references(() => cluster.id),
    at: moment("at").notNull().defaultNow(),
    direction: text("direction", { enum: ["up", "down"] }).notNull(),
    pool: text("pool").notNull(),
    requested: integer("requested").notNull(),
    achieved: integer("achieved").notNull().default(0),
    achievedAt: moment("achieved_at"),
    reason: text("reason").notNull(),
    /** Shapes and who asked for them. */
    demand: jsonb("demand").notNull(),
    nodeIds: text("node_ids").array().notNull().default([]),
    /** What kind of reason it is. */
    cause: text("cause", {
      enum: ["demand", "minimum", "returned", "flapping", "idle", "drained", "preempted", "lost"],
    })
      .notNull()
      .default("demand"),
    /** When work first ran on a node that it brought. */
    usefulAt: moment("useful_at"),
    /** The idle time that was in force when a node left for it, s. */
    cooldownSeconds: integer("cooldown_seconds"),
    /** Launches for it that failed, the newest with its message and when it is tried again. */
    failures: integer("failures").notNull().default(0),
    failedAt: moment("failed_at"),
    failure: text("failure"),
    retryAt: moment("retry_at"),
    /** When no launch for what is missing was under way any more: the autoscaler thought better of it. */
    withdrawnAt: moment("withdrawn_at"),
  },
  (t) => [index().on(t.clusterId, t.at)],
);
