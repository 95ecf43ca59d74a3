/** SQL of alerts and silences. */
import { and, desc, eq, gt, inArray, isNotNull, lt, ne, sql } from "drizzle-orm";
import type { PgUpdateSetSource } from "drizzle-orm/pg-core";
import { alert, alertMember, alertSilence } from "../../db/schema/alerts";
import { team, user } from "../../db/schema/identity";
import type { Db, Transaction } from "../platform/db";
import type { Member, Open } from "./steps";

export const teamIds = async (db: Db): Promise<string[]> =>
  (await db.select({ id: team.id }).from(team).orderBy(team.id)).map(({ id }) => id);

/** Alerts that are not over, with the subjects that are not gone. */
export async function openAlerts(db: Db, teamId: string): Promise<Open[]> {
  const [rows, members] = await Promise.all([
    db
      .select({ id: alert.id, rule: alert.rule, state: alert.state, toldAt: alert.toldAt })
      .from(alert)
      .where(and(eq(alert.teamId, teamId), ne(alert.state, "resolved"))),
    db
      .select({ ...MEMBER, alertId: alertMember.alertId })
      .from(alertMember)
      .innerJoin(alert, eq(alert.id, alertMember.alertId))
      .where(and(eq(alert.teamId, teamId), ne(alert.state, "resolved"), ne(alertMember.state, "gone")))
      .orderBy(alertMember.firedAt, alertMember.key),
  ]);
  return rows.map((row) => ({
    ...row,
    state: row.state === "firing" ? "firing" : "pending",
    members: members.filter(({ alertId }) => alertId === row.id),
  }));
}

const MEMBER = {
  key: alertMember.key,
  about: alertMember.about,
  severity: alertMember.severity,
  title: alertMember.title,
  detail: alertMember.detail,
  path: alertMember.path,
  state: alertMember.state,
  beganAt: alertMember.beganAt,
  seenAt: alertMember.seenAt,
  firedAt: alertMember.firedAt,
};

/** Subjects of alerts that somebody was told of, those that fire first, then the newest. */
export const membersOf = (db: Db, teamId: string, alertIds: readonly string[]) =>
  db
    .select({ ...MEMBER, alertId: alertMember.alertId, goneAt: alertMember.goneAt })
    .from(alertMember)
    .where(
      and(
        eq(alertMember.teamId, teamId),
        inArray(alertMember.alertId, [...alertIds]),
        isNotNull(alertMember.firedAt),
      ),
    )
    .orderBy(alertMember.state, desc(alertMember.firedAt), alertMember.key);

/** Writes subjects as they are now, in one statement however many they are. */
export async function writeMembers(
  tx: Transaction,
  teamId: string,
  rows: readonly (Member & { alertId: string })[],
  now: Date,
): Promise<void> {
  if (rows.length === 0) return;
  await tx.execute(sql`
    insert into alert_member (alert_id, team_id, key, about, severity, title, detail, path, state, began_at, seen_at, fired_at, gone_at)
    select "alertId", ${teamId}, key, about, severity, title, detail, path, state, "beganAt", "seenAt", "firedAt",
      case when state = 'gone' then ${now}::timestamptz end
    from json_to_recordset(${JSON.stringify(rows)}::json) as r ("alertId" text, key text, about text, severity text,
      title text, detail text, path text, state text, "beganAt" timestamptz, "seenAt" timestamptz, "firedAt" timestamptz)
    on conflict (alert_id, key) do update set about = excluded.about, severity = excluded.severity,
      title = excluded.title, detail = excluded.detail, path = excluded.path, state = excluded.state,
      began_at = excluded.began_at, seen_at = excluded.seen_at, fired_at = excluded.fired_at, gone_at = excluded.gone_at`);
}

export const dropMembers = (tx: Transaction, alertId: string, keys: readonly string[]) =>
  tx.delete(alertMember).where(and(eq(alertMember.alertId, alertId), inArray(alertMember.key, [...keys])));

export const silencesOf = (db: Db, teamId: string) =>
  db
    .select({
      id: alertSilence.id,
      matches: alertSilence.matches,
      reason: alertSilence.reason,
      until: alertSilence.until,
      by: user.name,
    })
    .from(alertSilence)
    .innerJoin(user, eq(user.id, alertSilence.createdBy))
    .where(and(eq(alertSilence.teamId, teamId), gt(alertSilence.until, sql`now()`)))
    .orderBy(alertSilence.until);

const COLUMNS = {
  id: alert.id,
  rule: alert.rule,
  severity: alert.severity,
  place: alert.place,
  title: alert.title,
  detail: alert.detail,
  path: alert.path,
  state: alert.state,
  beganAt: alert.beganAt,
  seenAt: alert.seenAt,
  firedAt: alert.firedAt,
  resolvedAt: alert.resolvedAt,
  takenAt: alert.takenAt,
  takenBy: user.name,
  note: alert.note,
};

/** Firing, the worst first, then the oldest. */
export const firing = (db: Db, teamId: string) =>
  db
    .select(COLUMNS)
    .from(alert)
    .leftJoin(user, eq(user.id, alert.takenBy))
    .where(and(eq(alert.teamId, teamId), eq(alert.state, "firing")))
    .orderBy(alert.severity, alert.firedAt);

/** Over, newest first. */
export const resolved = (db: Db, teamId: string, page: { before: Date | null; limit: number }) =>
  db
    .select(COLUMNS)
    .from(alert)
    .leftJoin(user, eq(user.id, alert.takenBy))
    .where(
      and(
        eq(alert.teamId, teamId),
        eq(alert.state, "resolved"),
        isNotNull(alert.firedAt),
        page.before ? lt(alert.resolvedAt, page.before) : undefined,
      ),
    )
    .orderBy(desc(alert.resolvedAt))
    .limit(page.limit);

export const findAlert = async (db: Db, teamId: string, id: string) =>
  (
    await db
      .select(COLUMNS)
      .from(alert)
      .leftJoin(user, eq(user.id, alert.takenBy))
      .where(and(eq(alert.teamId, teamId), eq(alert.id, id)))
  )[0];

export const insertAlert = (tx: Transaction, row: typeof alert.$inferInsert) => tx.insert(alert).values(row);

export const setAlert = (
  tx: Transaction,
  teamId: string,
  id: string,
  values: PgUpdateSetSource<typeof alert>,
) =>
  tx
    .update(alert)
    .set(values)
    .where(and(eq(alert.teamId, teamId), eq(alert.id, id), ne(alert.state, "resolved")));

export const dropPending = (tx: Transaction, teamId: string, id: string) =>
  tx.delete(alert).where(and(eq(alert.teamId, teamId), eq(alert.id, id), eq(alert.state, "pending")));

export interface Happened {
  at: Date;
  kind: "change" | "scaling" | "run";
  who: string;
  what: string;
  /** Below the team. */
  path: string;
}
const MOST_HAPPENED = 100;

/** What changed across the product between two moments, in order: what people and controllers did, scaling, runs that failed. */
export async function happened(db: Db, teamId: string, from: Date, to: Date): Promise<Happened[]> {
  const { rows } = await db.execute<Omit<Happened, "at"> & { at: string }>(sql`
    (select e.created_at as at, 'change' as kind, coalesce(u.name, e.actor) as who, e.summary as what,
       '/audit?entry=' || e.seq as path
     from audit_entry e left join "user" u on u.id = e.actor
     where e.team_id = ${teamId} and e.created_at between ${from} and ${to} and e.target_kind <> 'alert'
     order by e.created_at desc limit ${MOST_HAPPENED})
    union all
    (select d.at, 'scaling', 'autoscaler',
       case d.direction when 'up' then '+' else '−' end || d.requested || ' ' || d.pool || ': ' || d.reason,
       '/cluster?decision=' || d.id
     from scaling_decision d where d.at between ${from} and ${to}
     order by d.at desc limit ${MOST_HAPPENED})
    union all
    (select r.ended_at, 'run', 'run ' || r.number, r.title || ' failed: ' || coalesce(r.cause ->> 'message', 'nobody said why'),
       '/training/' || r.number
     from run r where r.team_id = ${teamId} and r.state = 'failed' and r.ended_at between ${from} and ${to}
     order by r.ended_at desc limit ${MOST_HAPPENED})
    order by at desc limit ${MOST_HAPPENED}`);
  return rows.map((row) => ({ ...row, at: new Date(row.at) }));
}
