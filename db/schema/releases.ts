/** Promotion requests, approvals, releases, replicas, routes: what reaches an environment and how it comes back. */
import { sql } from "drizzle-orm";
import {
  type AnyPgColumn,
  bigint,
  bigserial,
  boolean,
  check,
  index,
  integer,
  jsonb,
  pgTable,
  text,
  uniqueIndex,
} from "drizzle-orm/pg-core";
import { createdAt, environment, id, laterEnvironment, moment } from "./columns";
import { team, user } from "./identity";
import { model, version } from "./models";

export const promotionRequest = pgTable(
  "promotion_request",
  {
    id: id(),
    teamId: text("team_id")
      .notNull()
      .references(() => team.id),
    number: integer("number").notNull(),
    modelId: text("model_id")
      .notNull()
      .references(() => model.id),
    versionId: text("version_id")
      .notNull()
      .references(() => version.id),
    baselineVersionId: text("baseline_version_id").references(() => version.id),
    datasetId: text("dataset_id").notNull(),
    environment: environment(),
    state: text("state", {
      enum: ["measuring", "open", "approved", "released", "declined", "withdrawn", "void"],
    }).notNull(),
    note: text("note").notNull(),
    /** A `Strategy`: how traffic would move. Part of what is asked for, so it never changes. */
    strategy: jsonb("strategy").notNull().default({ kind: "at_once" }),
    requestedBy: text("requested_by")
      .notNull()
      .references(() => user.id),
    /** The run that measures candidate and production on the same samples. */
    runId: text("run_id"),
    /** `EvaluateResult` of that run. */
    evidence: jsonb("evidence"),
    gates: jsonb("gates").notNull().default([]),
    versionDigest: text("version_digest").notNull(),
    evaluationDigest: text("evaluation_digest"),
    policyDigest: text("policy_digest").notNull(),
    createdAt: createdAt(),
    decidedAt: moment("decided_at"),
    releaseId: text("release_id"),
  },
  (t) => [uniqueIndex().on(t.teamId, t.number), index().on(t.teamId, t.state), index().on(t.modelId)],
);

export const approval = pgTable(
  "approval",
  {
    id: id(),
    teamId: text("team_id")
      .notNull()
      .references(() => team.id),
    requestId: text("request_id")
      .notNull()
      .references(() => promotionRequest.id),
    /** Copied from the request by a trigger, so that the check below can't be talked out of it. */
    requestedBy: text("requested_by").notNull(),
    approverId: text("approver_id")
      .notNull()
      .references(() => user.id),
    /** Held when they decided: what a policy asks of approvers is answered by then, not by today. */
    roles: text("roles").array().notNull().default([]),
    decision: text("decision", { enum: ["approve", "decline"] }).notNull(),
    sentence: text("sentence").notNull().default(""),
    versionDigest: text("version_digest").notNull(),
    evaluationDigest: text("evaluation_digest").notNull(),
    policyDigest: text("policy_digest").notNull(),
    createdAt: createdAt(),
  },
  (t) => [
    check("nobody_approves_their_own", sql`approver_id <> requested_by`),
    check("decline_needs_a_sentence", sql`decision <> 'decline' or length(trim(sentence)) >= 3`),
    // Once for what it is bound to; a policy that changed asks again.
    uniqueIndex("approval_once").on(
      t.requestId,
      t.approverId,
      t.decision,
      t.versionDigest,
      t.evaluationDigest,
      t.policyDigest,
    ),
  ],
);

/** Append-only revisions of an environment of a model. */
export const release = pgTable(
  "release",
  {
    id: id(),
    teamId: text("team_id")
      .notNull()
      .references(() => team.id),
    modelId: text("model_id")
      .notNull()
      .references(() => model.id),
    environment: environment(),
    revision: integer("revision").notNull(),
    versionId: text("version_id")
      .notNull()
      .references(() => version.id),
    kind: text("kind", { enum: ["promotion", "rollback", "forward"] }).notNull(),
    /** What it went away from; null for the first. */
    previousId: text("previous_id").references((): AnyPgColumn => release.id),
    /** For a rollback or a step forward: the revision whose version returns. */
    restoresId: text("restores_id").references((): AnyPgColumn => release.id),
    requestId: text("request_id").references(() => promotionRequest.id),
    /** Why it was released without approvals; null for every other. It never changes. */
    breakGlass: text("break_glass"),
    replicas: integer("replicas").notNull().default(1),
    state: text("state", { enum: ["preparing", "rolling_out", "serving", "replaced", "failed"] }).notNull(),
    message: text("message").notNull().default(""),
    createdBy: text("created_by").notNull(),
    createdAt: createdAt(),
    servingAt: moment("serving_at"),
    replacedAt: moment("replaced_at"),
    routeRevision: bigint("route_revision", { mode: "number" }),
    /** Set once a revision was rolled back from: it is no default target any more. */
    rolledBackFrom: boolean("rolled_back_from").notNull().default(false),
  },
  (t) => [uniqueIndex().on(t.modelId, t.environment, t.revision), index().on(t.teamId, t.createdAt)],
);

/** A serving process of a version: a desired row that the agent keeps alive. */
export const replica = pgTable(
  "replica",
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
    clusterId: text("cluster_id").notNull(),
    state: text("state", { enum: ["starting", "ready", "failed", "stopped"] })
      .notNull()
      .default("starting"),
    message: text("message").notNull().default(""),
    address: text("address"),
    nodeId: text("node_id"),
    pid: integer("pid"),
    createdAt: createdAt(),
    readyAt: moment("ready_at"),
    /** When it ended by itself; null for one that lives or was let go. */
    endedAt: moment("ended_at"),
    /** Since when no route names it any more; it is stopped once gateways were told. */
    leavingAt: moment("leaving_at"),
    undesiredAt: moment("undesired_at"),
  },
  (t) => [index().on(t.versionId), index().on(t.state)],
);

/** Where a replica's process was, in pieces: a row for each time on one node. Those of a replica never overlap. */
export const replicaPlacement = pgTable(
  "replica_placement",
  {
    id: bigserial("id", { mode: "number" }).primaryKey(),
    teamId: text("team_id")
      .notNull()
      .references(() => team.id),
    clusterId: text("cluster_id").notNull(),
    replicaId: text("replica_id")
      .notNull()
      .references(() => replica.id),
    /** Ray's own id. */
    nodeId: text("node_id").notNull(),
    since: moment("since").notNull(),
    /** Null while it is there. */
    until: moment("until"),
  },
  (t) => [
    uniqueIndex("replica_placement_open").on(t.replicaId).where(sql`${t.until} is null`),
    index().on(t.replicaId, t.since),
    index().on(t.clusterId, t.until),
    index().on(t.nodeId),
    check("replica_placement_forward", sql`until >= since`),
  ],
);

/** What gateways serve: whole tables by revision; the highest is in force. */
export const routeTable = pgTable("route_table", {
  revision: bigserial("revision", { mode: "number" }).primaryKey(),
  /** A `RouteTable`. */
  routes: jsonb("routes").notNull(),
  cause: text("cause").notNull(),
  createdAt: createdAt(),
});

/** Which revision each gateway applied, by the database's clock and its own measurement. */
export const gatewayReport = pgTable(
  "gateway_report",
  {
    id: bigserial("id", { mode: "number" }).primaryKey(),
    gatewayId: text("gateway_id").notNull(),
    revision: bigint("revision", { mode: "number" }).notNull(),
    /** The gateway's own clock, Unix milliseconds: comparable with others of the same host only. */
    appliedAtMs: bigint("applied_at_ms", { mode: "number" }).notNull(),
    reportedAt: moment("reported_at").notNull().defaultNow(),
  },
  (t) => [uniqueIndex().on(t.gatewayId, t.revision)],
);

/** Requests by lane, version and minute, as the gateways count them. */
export const servingMinute = pgTable(
  "serving_minute",
  {
    teamId: text("team_id").notNull(),
    modelId: text("model_id").notNull(),
    versionId: text("version_id").notNull(),
    environment: laterEnvironment(),
    gatewayId: text("gateway_id").notNull(),
    minute: moment("minute").notNull(),
    requests: integer("requests").notNull(),
    errors: integer("errors").notNull(),
    p50Us: integer("p50_us").notNull(),
    p99Us: integer("p99_us").notNull(),
  },
  (t) => [
    uniqueIndex("serving_minute_lane").on(t.modelId, t.versionId, t.environment, t.gatewayId, t.minute),
    index().on(t.teamId, t.minute),
  ],
);
