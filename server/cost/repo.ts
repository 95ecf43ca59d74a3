/** SQL of the books. Sums are dollars. */
import { eq, sql } from "drizzle-orm";
import { budget } from "../../db/schema/cost";
import type { Db } from "../platform/db";
import type { SpendBy, SpendSort } from "./contract";
import { dayOf, type MonthSpan } from "./month";

export interface DaySpend {
  /** "2026-11-28". */
  day: string;
  amount: number;
}

/** A team's days with what they cost, the oldest first; days on which it took nothing are 0 once it ever did. */
export async function daysOf(db: Db, teamId: string, { from, until }: Omit<MonthSpan, "month">) {
  const { rows } = await db.execute<DaySpend & Record<string, unknown>>(sql`
    select to_char(d.day, 'YYYY-MM-DD') as day, coalesce(sum(s.micros), 0)::float8 / 1e6 as amount
    from (select distinct day from spend_day where day >= ${dayOf(from)} and day < ${dayOf(until)}
      and day >= (select min(day) from spend where team_id = ${teamId})) d
    left join spend s on s.team_id = ${teamId} and s.day = d.day group by d.day order by d.day`);
  return rows;
}

export interface Whole {
  pool: string;
  own: number;
  others: number;
  idle: number;
  /** Hours of the team's nodes whose price is not known. */
  unpricedHours: number;
}

/** All nodes of a month by pool: what the team took, what others took, and what nobody did. */
export async function wholeOf(db: Db, teamId: string, { from, until }: MonthSpan): Promise<Whole[]> {
  const { rows } = await db.execute<Whole & Record<string, unknown>>(sql`
    select pool, coalesce(sum(micros) filter (where team_id = ${teamId}), 0)::float8 / 1e6 as own,
      coalesce(sum(micros) filter (where team_id not in (${teamId}, '')), 0)::float8 / 1e6 as others,
      coalesce(sum(micros) filter (where team_id = ''), 0)::float8 / 1e6 as idle,
      coalesce(sum(unpriced_ms) filter (where team_id = ${teamId}), 0)::float8 / 3.6e6 as "unpricedHours"
    from spend where day >= ${dayOf(from)} and day < ${dayOf(until)} group by pool order by pool`);
  return rows;
}

/** Until when the books are, and the months that there are of a team, the newest first. */
export async function booksOf(db: Db, teamId: string) {
  const { rows } = await db.execute<{ until: string | null; months: string[] }>(sql`
    select (select max(until) from spend_day) as until, coalesce((select array_agg(month order by month desc) from
      (select distinct to_char(day, 'YYYY-MM') as month from spend where team_id = ${teamId}) m), '{}') as months`);
  const [row] = rows;
  return { until: row?.until ? new Date(row.until) : null, months: row?.months ?? [] };
}

export interface SpendRow {
  key: string;
  /** Empty where nobody, or no version, is named. */
  label: string;
  hint: string;
  /** Below the team; empty where there is no page of it. */
  path: string;
  amount: number;
  /** Of whole nodes. */
  hours: number;
  unpricedHours: number;
  /** Runs, sessions and served versions. */
  works: number;
}

const VERSION = sql`m.name || ' v' || v.number`;
const VERSION_PATH = sql`'models/' || m.name || '/v/' || v.number`;
const NONE = sql`''`;
const GROUPS = {
  work: {
    key: sql`s.kind || ':' || s.work`,
    label: sql`case s.kind when 'session' then 'studio of ' || ${VERSION} when 'replica' then 'serving ' || ${VERSION}
      else 'run ' || r.number end`,
    hint: sql`coalesce(r.title, '')`,
    path: sql`case s.kind when 'session' then ${VERSION_PATH} || '/studio' when 'replica' then 'releases/' || m.name
      else 'training/' || r.number end`,
  },
  person: { key: sql`coalesce(u.id, '')`, label: sql`coalesce(u.name, '')`, hint: NONE, path: NONE },
  version: { key: sql`coalesce(v.id, '')`, label: VERSION, hint: NONE, path: VERSION_PATH },
  pool: { key: sql`s.pool`, label: sql`s.pool`, hint: NONE, path: NONE },
  kind: { key: sql`s.kind`, label: sql`s.kind`, hint: NONE, path: NONE },
} as const satisfies Record<SpendBy, unknown>;
const ORDERS = {
  cost: sql`amount`,
  time: sql`hours`,
  name: sql`label`,
} as const satisfies Record<SpendSort, unknown>;

/**
 * A month of a team, grouped; a run counts for the version that it made, else for the one that it was about. What no
 * person asked for, such as serving, has none.
 */
export async function spendBy(
  db: Db,
  teamId: string,
  { from, until }: MonthSpan,
  asked: { by: SpendBy; sort: SpendSort; direction: "asc" | "desc"; offset: number; limit: number },
): Promise<SpendRow[]> {
  const { key, label, hint, path } = GROUPS[asked.by];
  const { rows } = await db.execute<SpendRow & Record<string, unknown>>(sql`
    with s as (
      select kind, work, pool, sum(micros) as micros, sum(node_ms) as node_ms, sum(unpriced_ms) as unpriced_ms
      from spend where team_id = ${teamId} and day >= ${dayOf(from)} and day < ${dayOf(until)} group by kind, work, pool)
    select ${key} as key, coalesce(max(${label}), '') as label, coalesce(max(${hint}), '') as hint,
      coalesce(max(${path}), '') as path, sum(s.micros)::float8 / 1e6 as amount,
      sum(s.node_ms)::float8 / 3.6e6 as hours, sum(s.unpriced_ms)::float8 / 3.6e6 as "unpricedHours",
      count(distinct s.work)::int as works
    from s left join run r on r.id = s.work and r.team_id = ${teamId}
    left join studio_session e on e.id = s.work and e.team_id = ${teamId}
    left join version v on v.team_id = ${teamId} and v.id = coalesce(r.result_version_id, r.version_id, e.version_id, s.work)
    left join model m on m.id = v.model_id
    left join "user" u on u.id = coalesce(r.created_by, e.created_by)
    group by 1 order by ${ORDERS[asked.sort]} ${sql.raw(asked.direction === "asc" ? "asc" : "desc")}, key
    offset ${asked.offset} limit ${asked.limit}`);
  return rows;
}

export async function findBudget(db: Db, teamId: string) {
  const [found] = await db.select().from(budget).where(eq(budget.teamId, teamId));
  return found;
}

/** What teams have spent of what they may, in the month that it is for the database; teams without a budget are absent. */
export async function budgetsOf(db: Db, teamIds: readonly string[]) {
  const { rows } = await db.execute<{
    teamId: string;
    amount: number;
    isHard: boolean;
    thresholds: number[];
    spent: number;
    now: number;
  }>(sql`
    select b.team_id as "teamId", b.amount, b.is_hard as "isHard", b.thresholds, coalesce(s.spent, 0) as spent,
      (extract(epoch from now()) * 1000)::float8 as now
    from budget b left join lateral (
      select sum(micros)::float8 / 1e6 as spent from spend
      where team_id = b.team_id and day >= date_trunc('month', now() at time zone 'UTC')::date) s on true
    where b.amount is not null and b.team_id in (select json_array_elements_text(${JSON.stringify(teamIds)}::json))`);
  return rows;
}

/** Names of those whose roles these are; a few. */
export async function peopleWith(db: Db, teamId: string, roles: readonly string[]): Promise<string[]> {
  const { rows } = await db.execute<{ name: string }>(sql`
    select u.name from membership m join "user" u on u.id = m.user_id where m.team_id = ${teamId}
      and m.roles && (select array_agg(r) from json_array_elements_text(${JSON.stringify(roles)}::json) r)
    order by m.created_at limit 3`);
  return rows.map(({ name }) => name);
}

/** Whether pools have a price, by name. */
export async function poolPrices(db: Db): Promise<{ name: string; hasPrice: boolean }[]> {
  const { rows } = await db.execute<{ name: string; hasPrice: boolean }>(
    sql`select name, price_per_hour is not null as "hasPrice" from pool order by name`,
  );
  return rows;
}
