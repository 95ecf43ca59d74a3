/** SQL of alerts and silences. */
import { and, desc, eq, gt, inArray, isNotNull, lt, ne, sql } from "drizzle-orm";
import { alert, alertSilence } from "../../db/schema/alerts";
import { team, user } from "../../db/schema/identity";
import type { Db, Transaction } from "../platform/db";
import type { Open } from "./steps";

export const teamIds = async (db: Db): Promise<string[]> =>
  (await db.select({ id: team.id }).from(team).orderBy(team.id)).map(({ id }) => id);

export async function openAlerts(db: Db, teamId: string): Promise<Open[]> {
  const rows = await db
    .select({
      id: alert.id,
      key: alert.key,
      state: alert.state,
      beganAt: alert.beganAt,
      seenAt: alert.seenAt,
    })
    .from(alert)
    .where(and(eq(alert.teamId, teamId), ne(alert.state, "resolved")));
  return rows.map((row) => ({ ...row, state: row.state === "firing" ? "firing" : "pending" }));
}

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
  key: alert.key,
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

export const insertPending = (tx: Transaction, rows: (typeof alert.$inferInsert)[]) =>
  tx.insert(alert).values(rows).onConflictDoNothing();

export const setAlert = (
  tx: Transaction,
  teamId: string,
  ids: readonly string[],
  values: Partial<typeof alert.$inferInsert>,
) =>
  tx
    .update(alert)
    .set(values)
    .where(and(eq(alert.teamId, teamId), inArray(alert.id, [...ids]), ne(alert.state, "resolved")));

export const dropPending = (tx: Transaction, teamId: string, ids: readonly string[]) =>
  tx
    .delete(alert)
    .where(and(eq(alert.teamId, teamId), inArray(alert.id, [...ids]), eq(alert.state, "pending")));

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
