/** Alerts: what was wrong, for how long, who took it up, and what was kept quiet. */
import { sql } from "drizzle-orm";
import { index, pgTable, text, uniqueIndex } from "drizzle-orm/pg-core";
import { createdAt, id, moment } from "./columns";
import { team, user } from "./identity";

/** One row for each time that something was wrong, from when it was first seen. */
export const alert = pgTable(
  "alert",
  {
    id: id(),
    teamId: text("team_id")
      .notNull()
      .references(() => team.id),
    /** `<rule>:<what it is about>`: the same for as long as it lasts. */
    key: text("key").notNull(),
    severity: text("severity", { enum: ["bad", "warning"] }).notNull(),
    place: text("place").notNull(),
    title: text("title").notNull(),
    detail: text("detail").notNull(),
    /** Where it is seen whole, below the team. */
    path: text("path").notNull(),
    /** `pending` has not lasted long enough to be told. */
    state: text("state", { enum: ["pending", "firing", "resolved"] }).notNull(),
    beganAt: moment("began_at").notNull().defaultNow(),
    seenAt: moment("seen_at").notNull().defaultNow(),
    firedAt: moment("fired_at"),
    resolvedAt: moment("resolved_at"),
    takenBy: text("taken_by").references(() => user.id),
    takenAt: moment("taken_at"),
    note: text("note").notNull().default(""),
  },
  (t) => [
    uniqueIndex("alert_open").on(t.teamId, t.key).where(sql`${t.state} <> 'resolved'`),
    index().on(t.teamId, t.firedAt),
  ],
);

/** Alerts of a rule, or one alert's key, that nobody is told of for a while. */
export const alertSilence = pgTable(
  "alert_silence",
  {
    id: id(),
    teamId: text("team_id")
      .notNull()
      .references(() => team.id),
    /** A rule (`slow`) or a whole key (`slow:mdl_…`). */
    matches: text("matches").notNull(),
    reason: text("reason").notNull(),
    until: moment("until").notNull(),
    createdBy: text("created_by")
      .notNull()
      .references(() => user.id),
    createdAt: createdAt(),
  },
  (t) => [index().on(t.teamId, t.until)],
);
