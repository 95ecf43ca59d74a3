/** What nodes cost, by day and by what ran on them, and what a team may spend in a month. */
import {
  bigint,
  boolean,
  date,
  doublePrecision,
  index,
  integer,
  pgTable,
  primaryKey,
  text,
} from "drizzle-orm/pg-core";
import { moment } from "./columns";
import { team } from "./identity";

/** A day's share of nodes: those of a pool, taken by one work. All shares of a day are what its nodes cost. */
export const spend = pgTable(
  "spend",
  {
    clusterId: text("cluster_id").notNull(),
    /** In UTC. */
    day: date("day", { mode: "string" }).notNull(),
    pool: text("pool").notNull(),
    /** A kind of run, `session`, `replica`, or `idle`. */
    kind: text("kind").notNull(),
    /** A run, a session, or the version that replicas serve; empty where nodes idled. */
    work: text("work").notNull(),
    /** Empty where nodes idled: nobody's. */
    teamId: text("team_id").notNull(),
    /** Millionths of a dollar. */
    micros: bigint("micros", { mode: "number" }).notNull(),
    /** Milliseconds of whole nodes, and of those without a price. */
    nodeMs: bigint("node_ms", { mode: "number" }).notNull(),
    unpricedMs: bigint("unpriced_ms", { mode: "number" }).notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.clusterId, t.day, t.pool, t.kind, t.work] }),
    index().on(t.teamId, t.day),
    index().on(t.work),
  ],
);

/** A day of a team in a pool: what all of its works took there. Kept with `spend`, which it sums up. */
export const spendPool = pgTable(
  "spend_pool",
  {
    day: date("day", { mode: "string" }).notNull(),
    pool: text("pool").notNull(),
    /** Empty where nodes idled. */
    teamId: text("team_id").notNull(),
    clusterId: text("cluster_id").notNull(),
    micros: bigint("micros", { mode: "number" }).notNull(),
    nodeMs: bigint("node_ms", { mode: "number" }).notNull(),
    unpricedMs: bigint("unpriced_ms", { mode: "number" }).notNull(),
    /** Those that were not in this pool on an earlier day of the month. */
    works: integer("works").notNull(),
  },
  (t) => [primaryKey({ columns: [t.day, t.pool, t.teamId, t.clusterId] }), index().on(t.teamId, t.day)],
);

/** How far a day is booked. */
export const spendDay = pgTable(
  "spend_day",
  {
    clusterId: text("cluster_id").notNull(),
    day: date("day", { mode: "string" }).notNull(),
    until: moment("until").notNull(),
    /** It is over, and nothing late is expected of it. */
    isClosed: boolean("is_closed").notNull(),
  },
  (t) => [primaryKey({ columns: [t.clusterId, t.day] })],
);

export const budget = pgTable("budget", {
  teamId: text("team_id")
    .primaryKey()
    .references(() => team.id),
  /** For each month, $; null is no budget, of which the revision stays. */
  amount: doublePrecision("amount"),
  /** Percent of it at which somebody is told. */
  thresholds: integer("thresholds").array().notNull(),
  /** Nothing new is launched once it is spent. */
  isHard: boolean("is_hard").notNull(),
  revision: integer("revision").notNull(),
  updatedAt: moment("updated_at").notNull().defaultNow(),
  updatedBy: text("updated_by").notNull(),
});
