/** Alerts: what was wrong, for how long, who took it up, what was kept quiet; and the rules that tell it. */
import { sql } from "drizzle-orm";
import { boolean, index, integer, jsonb, pgTable, primaryKey, text, uniqueIndex } from "drizzle-orm/pg-core";
import { createdAt, id, moment } from "./columns";
import { team, user } from "./identity";

const severities = ["bad", "warning"] as const;

/** What is told: title and detail of one subject, or of several together. */
const told = {
  severity: text("severity", { enum: severities }).notNull(),
  title: text("title").notNull(),
  detail: text("detail").notNull(),
  /** Where it is seen whole, below the team. */
  path: text("path").notNull(),
};

/** One row for each time that a rule found something wrong, from when it was first seen; its subjects are members. */
export const alert = pgTable(
  "alert",
  {
    id: id(),
    teamId: text("team_id")
      .notNull()
      .references(() => team.id),
    /** A starter's name or the id of a rule: one alert of each is open at a time. */
    rule: text("rule").notNull(),
    place: text("place").notNull(),
    ...told,
    /** `pending` has not lasted long enough to be told. */
    state: text("state", { enum: ["pending", "firing", "resolved"] }).notNull(),
    beganAt: moment("began_at").notNull().defaultNow(),
    seenAt: moment("seen_at").notNull().defaultNow(),
    firedAt: moment("fired_at"),
    /** When it was last told; members that fired since wait to be told together. */
    toldAt: moment("told_at"),
    resolvedAt: moment("resolved_at"),
    takenBy: text("taken_by").references(() => user.id),
    takenAt: moment("taken_at"),
    note: text("note").notNull().default(""),
  },
  (t) => [
    uniqueIndex("alert_open").on(t.teamId, t.rule).where(sql`${t.state} <> 'resolved'`),
    index().on(t.teamId, t.firedAt),
  ],
);

/** A subject of an alert: the node whose disk fills, the run that failed. */
export const alertMember = pgTable(
  "alert_member",
  {
    alertId: text("alert_id")
      .notNull()
      .references(() => alert.id, { onDelete: "cascade" }),
    teamId: text("team_id")
      .notNull()
      .references(() => team.id),
    /** `<rule>:<subject>`: the same for as long as it lasts. */
    key: text("key").notNull(),
    /** Its name in a list: "run 12". */
    about: text("about").notNull(),
    ...told,
    state: text("state", { enum: ["pending", "firing", "gone"] }).notNull(),
    beganAt: moment("began_at").notNull(),
    seenAt: moment("seen_at").notNull(),
    firedAt: moment("fired_at"),
    goneAt: moment("gone_at"),
  },
  (t) => [primaryKey({ columns: [t.alertId, t.key] })],
);

/** A rule that somebody wrote, or what a team set of a starter. */
export const alertRule = pgTable(
  "alert_rule",
  {
    id: id(),
    teamId: text("team_id")
      .notNull()
      .references(() => team.id),
    /** The starter that it is about; null for one that was written. */
    starter: text("starter"),
    name: text("name").notNull(),
    note: text("note").notNull().default(""),
    severity: text("severity", { enum: severities }).notNull(),
    /** Of a starter its figures by name, else what is looked at and the condition: a `Preview`. */
    looks: jsonb("looks").notNull(),
    /** Which webhooks hear of it; null is all that hear of alarms. */
    webhooks: text("webhooks").array(),
    isOn: boolean("is_on").notNull().default(true),
    revision: integer("revision").notNull().default(1),
    createdBy: text("created_by")
      .notNull()
      .references(() => user.id),
    createdAt: createdAt(),
    updatedAt: moment("updated_at").notNull().defaultNow(),
    removedAt: moment("removed_at"),
  },
  (t) => [
    uniqueIndex("alert_rule_starter").on(t.teamId, t.starter).where(sql`${t.starter} is not null`),
    index().on(t.teamId),
  ],
);

/** Alerts of a rule, or one of its subjects, that nobody is told of for a while. */
export const alertSilence = pgTable(
  "alert_silence",
  {
    id: id(),
    teamId: text("team_id")
      .notNull()
      .references(() => team.id),
    /** A rule (`slow`) or the key of a member (`slow:mdl_…`). */
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
