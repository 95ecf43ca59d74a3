/** SQL of the books. Sums are dollars. */
import { eq, sql } from "drizzle-orm";
import { budget } from "../../db/schema/cost";
import { type Db, naturally } from "../platform/db";
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
    select to_char(d.day, 'YYYY-MM-DD') as day, coalesce(sum(s.micros::float8), 0) / 1e6 as amount
    from (select distinct day from spend_day where day >= ${dayOf(from)} and day < ${dayOf(until)}
      and day >= (select min(day) from spend_pool where team_id = ${teamId})) d
    left join spend_pool s on s.team_id = ${teamId} and s.day = d.day group by d.day order by d.day`);
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
    select pool, coalesce(sum(micros::float8) filter (where team_id = ${teamId}), 0) / 1e6 as own,
      coalesce(sum(micros) filter (where team_id not in (${teamId}, '')), 0)::float8 / 1e6 as others,
      coalesce(sum(micros) filter (where team_id = ''), 0)::float8 / 1e6 as idle,
      coalesce(sum(unpriced_ms) filter (where team_id = ${teamId}), 0)::float8 / 3.6e6 as "unpricedHours"
    from spend_pool where day >= ${dayOf(from)} and day < ${dayOf(until)} group by pool order by ${naturally(sql`pool`)}`);
  return rows;
}

/** Until when the books are, and the months that there are of a team, the newest first. */
export async function booksOf(db: Db, teamId: string) {
  const { rows } = await db.execute<{ until: string | null; months: string[] }>(sql`
    select (select max(until) from spend_day) as until, coalesce((select array_agg(month order by month desc) from
      (select distinct to_char(day, 'YYYY-MM') as month from spend_pool where team_id = ${teamId}) m), '{}') as months`);
  const [row] = rows;
  return { until: row?.until ? new Date(row.until) : null, months: row?.months ?? [] };
}

export interface SpendRow {
  key: string;
  kind: string;
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

const MEASURES = sql`sum(micros::float8) / 1e6 as amount, sum(node_ms::float8) / 3.6e6 as hours,
  sum(unpriced_ms::float8) / 3.6e6 as "unpricedHours"`;
const within = (teamId: string, { from, until }: MonthSpan) =>
  sql`where team_id = ${teamId} and day >= ${dayOf(from)} and day < ${dayOf(until)}`;
/** Works of a month, one row for each, as `s`; its days in pools as `p`. */
const BOOKS = (teamId: string, span: MonthSpan) => sql`
  s as (select kind, work, ${MEASURES} from spend ${within(teamId, span)} group by kind, work),
  p as (select * from spend_pool ${within(teamId, span)})`;

const OF_RUNS = sql`left join run r on r.id = s.work left join studio_session e on e.id = s.work`;
const SUMS = sql`sum(amount) as amount, sum(hours) as hours, sum("unpricedHours") as "unpricedHours", count(*)::int as works`;

/** Groups as `g (kind, id, …)`. */
const GROUPS = {
  work: sql`select kind, work as id, amount, hours, "unpricedHours", 1 as works from s`,
  person: sql`select '' as kind, coalesce(r.created_by, e.created_by, '') as id, ${SUMS} from s ${OF_RUNS} group by 2`,
  version: sql`
    select '' as kind, coalesce(r.result_version_id, r.version_id, e.version_id, case s.kind when 'replica' then s.work end, '') as id,
      ${SUMS} from s ${OF_RUNS} group by 2`,
  pool: sql`select '' as kind, pool as id, ${MEASURES}, sum(works)::int as works from p group by 2`,
  kind: sql`select kind, '' as id, ${SUMS} from s group by 1`,
} as const satisfies Record<SpendBy, unknown>;

const VERSION = sql`m.name || ' v' || v.number`;
const OF_VERSION = sql`left join version v on v.id = coalesce(e.version_id, g.id) left join model m on m.id = v.model_id`;
const NONE = sql`''`;
/** What a group is called. */
const NAMES = {
  work: {
    from: sql`left join run r on r.id = g.id left join studio_session e on e.id = g.id ${OF_VERSION}`,
    label: sql`case g.kind when 'session' then 'studio of ' || ${VERSION} when 'replica' then 'serving ' || ${VERSION}
      else 'run ' || r.number end`,
    hint: sql`coalesce(r.title, '')`,
    path: sql`case g.kind when 'session' then 'models/' || m.name || '/v/' || v.number || '/studio'
      when 'replica' then 'releases/' || m.name else 'training/' || r.number end`,
  },
  person: { from: sql`left join "user" u on u.id = g.id`, label: sql`u.name`, hint: NONE, path: NONE },
  version: {
    from: sql`left join version v on v.id = g.id left join model m on m.id = v.model_id`,
    label: VERSION,
    hint: NONE,
    path: sql`'models/' || m.name || '/v/' || v.number`,
  },
  pool: { from: sql``, label: sql`g.id`, hint: NONE, path: NONE },
  kind: { from: sql``, label: sql`g.kind`, hint: NONE, path: NONE },
} as const satisfies Record<SpendBy, unknown>;
const ORDERS = { cost: sql`amount`, time: sql`hours`, name: sql`label` } as const satisfies Record<
  SpendSort,
  unknown
>;

/**
 * A month of a team, grouped; a run counts for the version that it made, else for the one that it was about. What no
 * person asked for, such as serving, has none. Measured on two busy cores with 130,000 rows of 30,000 runs on 1,000
 * nodes: names are looked up after the page is cut, or it takes three times as long.
 */
export async function spendBy(
  db: Db,
  teamId: string,
  span: MonthSpan,
  asked: { by: SpendBy; sort: SpendSort; order: "asc" | "desc"; offset: number; limit: number },
): Promise<SpendRow[]> {
  const { from, label, hint, path } = NAMES[asked.by];
  const by = asked.by === "pool" && asked.sort === "name" ? naturally(sql`id`) : ORDERS[asked.sort];
  const order = sql`order by ${by} ${sql.raw(asked.order === "asc" ? "asc" : "desc")}`;
  const page = sql`${order}, kind, id offset ${asked.offset} limit ${asked.limit}`;
  const isByName = asked.sort === "name";
  const { rows } = await db.execute<SpendRow & Record<string, unknown>>(sql`
    with ${BOOKS(teamId, span)}, all_groups as (${GROUPS[asked.by]}),
      g as (select * from all_groups ${isByName ? sql`` : page})
    select g.kind || ':' || g.id as key, coalesce(${label}, '') as label, ${hint} as hint, coalesce(${path}, '') as path,
      g.kind, g.id, amount, hours, "unpricedHours", works
    from g ${from} ${isByName ? page : sql`${order}, kind, id`}`);
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
      select sum(micros)::float8 / 1e6 as spent from spend_pool
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
    sql`select name, price_per_hour is not null as "hasPrice" from pool order by ${naturally(sql`name`)}`,
  );
  return rows;
}
