/** Clusters as their agents see them; history as intervals, not samples. */
import {
  bigint,
  bigserial,
  boolean,
  doublePrecision,
  index,
  integer,
  jsonb,
  pgTable,
  text,
  uniqueIndex,
} from "drizzle-orm/pg-core";
import { createdAt, id, moment } from "./columns";

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
  lastSeq: bigint("last_seq", { mode: "number" }).notNull().default(-1),
  lastSeenAt: moment("last_seen_at"),
  /** Since when its agent has spoken without a break. */
  seenSince: moment("seen_since"),
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
    endReason: text("end_reason", { enum: ["idle", "drained", "lost"] }),
  },
  (t) => [uniqueIndex().on(t.clusterId, t.nodeId), index().on(t.clusterId, t.startedAt)],
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
  },
  (t) => [index().on(t.clusterId, t.at)],
);
