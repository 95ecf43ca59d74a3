/**
 * The books: each day's shares of the nodes' cost, kept by the controller. The current day is booked again every half
 * minute, a past one until it is closed; a price that changes opens the days of the nodes that it is about.
 */
import { sql } from "drizzle-orm";
import { clusterIds } from "../engine/service";
import type { Database, Db, Transaction } from "../platform/db";
import { divide, type Piece, type Share, type Taking } from "./divide";
import { laterDays, sumUp } from "./sums";

/** Agents that were away tell of the past day for a while. */
const LATE_MS = 10 * 60_000;
/** Days of history that are booked when there are no books yet. */
const MOST_DAYS = 400;

/** Books what is not closed of every cluster, the newest day first. `fence` is the caller's lease. */
export async function bookSpend(db: Database, fence: (tx: Transaction) => Promise<void>): Promise<void> {
  for (const clusterId of await clusterIds(db))
    for (const day of await openDays(db, clusterId))
      await db.transaction(async (tx) => {
        await fence(tx);
        await bookDay(tx, clusterId, day);
      });
}

interface Day {
  /** "2026-11-28". */
  day: string;
  /** Unix ms; the end is that of the day, or now. */
  from: number;
  until: number;
  isClosed: boolean;
}

/** Days since the first node that are not closed. */
async function openDays(db: Db, clusterId: string): Promise<Day[]> {
  const { rows } = await db.execute<{ day: string; from: number; now: number }>(sql`
    select to_char(d, 'YYYY-MM-DD') as day, (extract(epoch from d at time zone 'UTC') * 1000)::float8 as "from",
      floor(extract(epoch from now()) * 1000)::float8 as now
    from generate_series(
      greatest(date_trunc('day', (select min(since) from node_interval where cluster_id = ${clusterId}) at time zone 'UTC'),
               date_trunc('day', now() at time zone 'UTC') - make_interval(days => ${MOST_DAYS})),
      now() at time zone 'UTC', interval '1 day') d
    where exists (select from node_interval where cluster_id = ${clusterId})
      and not exists (select from spend_day b where b.cluster_id = ${clusterId} and b.day = d::date and b.is_closed)
    order by d desc`);
  return rows.map(({ day, from, now }) => {
    const end = from + 86_400_000;
    return { day, from, until: Math.min(end, now), isClosed: now >= end + LATE_MS };
  });
}

async function bookDay(tx: Transaction, clusterId: string, { day, isClosed, ...window }: Day): Promise<void> {
  const shares = divide(
    await piecesOf(tx, clusterId, window),
    await takingsOf(tx, clusterId, window),
    window,
  );
  await writeDay(tx, clusterId, day, shares);
  await tx.execute(sql`
    insert into spend_day (cluster_id, day, until, is_closed)
    values (${clusterId}, ${day}, to_timestamp(${window.until}::float8 / 1000), ${isClosed})
    on conflict (cluster_id, day) do update set until = excluded.until, is_closed = excluded.is_closed`);
}

/** Rows that did not change are left alone: most of a day's works have ended. */
export async function writeDay(
  tx: Transaction,
  clusterId: string,
  day: string,
  shares: readonly Share[],
): Promise<void> {
  const booked = sql`json_to_recordset(${JSON.stringify(shares)}::json) as b(pool text, kind text, work text,
    "teamId" text, micros bigint, "nodeMs" bigint, "unpricedMs" bigint)`;
  const gone = await tx.execute<{ work: string }>(sql`
    delete from spend s where s.cluster_id = ${clusterId} and s.day = ${day} and (s.pool, s.kind, s.work) not in
      (select b.pool, b.kind, b.work from ${booked}) returning work`);
  const written = await tx.execute<{ work: string; isNew: boolean }>(sql`
    insert into spend (cluster_id, day, pool, kind, work, team_id, micros, node_ms, unpriced_ms)
    select ${clusterId}, ${day}::date, pool, kind, work, "teamId", micros, "nodeMs", "unpricedMs" from ${booked}
    on conflict (cluster_id, day, pool, kind, work) do update
      set micros = excluded.micros, node_ms = excluded.node_ms, unpriced_ms = excluded.unpriced_ms
      where (spend.micros, spend.node_ms, spend.unpriced_ms) is distinct from
        (excluded.micros, excluded.node_ms, excluded.unpriced_ms) returning work, xmax = 0 as "isNew"`);
  const moved = [...gone.rows, ...written.rows.filter(({ isNew }) => isNew)].map(({ work }) => work);
  for (const one of [day, ...(await laterDays(tx, clusterId, day, moved))]) await sumUp(tx, clusterId, one);
}

interface Window {
  from: number;
  until: number;
}

const ms = (column: string) => sql.raw(`floor(extract(epoch from ${column}) * 1000)::float8`);
const at = (unixMs: number) => sql`to_timestamp(${unixMs}::float8 / 1000)`;

/** Nodes of pools; the head is part of the console. */
async function piecesOf(tx: Transaction, clusterId: string, { from, until }: Window): Promise<Piece[]> {
  const { rows } = await tx.execute<Piece & Record<string, unknown>>(sql`
    select n.node_id as node, n.pool, n.cpus, n.gpus, n.price_per_hour as "pricePerHour",
      ${ms("i.since")} as "from", ${ms("coalesce(i.until, now())")} as until
    from node_interval i join node n on n.cluster_id = i.cluster_id and n.node_id = i.node_id
    where i.cluster_id = ${clusterId} and not n.is_head and i.since < ${at(until)}
      and (i.until is null or i.until > ${at(from)})`);
  return rows;
}

/**
 * A session takes a CPU and a replica a tenth, as the cluster is asked for them. A replica is where its pieces say, until
 * it is not wanted any more: an agent that is away does not tell when it ended.
 */
async function takingsOf(tx: Transaction, clusterId: string, { from, until }: Window): Promise<Taking[]> {
  const { rows } = await tx.execute<Taking & Record<string, unknown>>(sql`
    select r.kind, r.id as work, r.team_id as "teamId", w."nodeId" as node, (r.resources ->> 'cpus')::float8 as cpus,
      coalesce((r.resources ->> 'gpus')::float8, 0) as gpus,
      ${ms("a.started_at")} as "from", ${ms("coalesce(a.ended_at, now())")} as until
    from attempt a join run r on r.id = a.run_id
    cross join lateral jsonb_to_recordset(a.workers) as w("nodeId" text)
    where r.cluster_id = ${clusterId} and a.started_at < ${at(until)} and (a.ended_at is null or a.ended_at > ${at(from)})
    union all
    select 'session', s.id, s.team_id, s.node_id, 1, 0, ${ms("s.created_at")}, ${ms("coalesce(s.closed_at, now())")}
    from studio_session s
    where s.cluster_id = ${clusterId} and s.node_id is not null and s.created_at < ${at(until)}
      and (s.closed_at > ${at(from)} or s.state in ('opening', 'ready'))
    union all
    select 'replica', p.version_id, p.team_id, l.node_id, 0.1, 0, ${ms("l.since")},
      ${ms("coalesce(least(l.until, p.ended_at, p.undesired_at), now())")}
    from replica_placement l join replica p on p.id = l.replica_id
    where l.cluster_id = ${clusterId} and l.since < ${at(until)} and (l.until is null or l.until > ${at(from)})`);
  return rows;
}

/** A price has changed: the days since then are booked anew. Those of nodes that left keep theirs. */
export const reopenBooks = (tx: Db, clusterId: string, pool: string): Promise<unknown> =>
  tx.execute(sql`
    update spend_day set is_closed = false where cluster_id = ${clusterId} and day >= (
      select min(started_at at time zone 'UTC')::date from node
      where cluster_id = ${clusterId} and pool = ${pool} and state <> 'gone')`);
