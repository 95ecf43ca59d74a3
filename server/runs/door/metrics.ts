/**
 * Ingestion of metrics: points and their rollups in one statement, synchronously committed, so that every point that
 * was acknowledged survives a crash of the database. A replay inserts nothing, and rollups are made of what was
 * inserted only. Batches of one attempt that arrive together are one statement: written side by side they would only
 * wait for each other's rollups.
 */
import { type SQL, sql } from "drizzle-orm";
import type { z } from "zod";
import type { Database, Db } from "../../platform/db";
import { tellNews } from "../../platform/live/relay";
import { singleton } from "../../platform/singleton";
import type { MetricsReport } from "../contract";
import { Gatherer } from "./gather";
import type { AttemptOwner } from "./owner";

/** Steps a rollup bucket holds. */
export const LEVELS = [64, 1024] as const;
const CACHED_SERIES = 50_000;
/** Points of one statement. */
const WRITTEN_AT_ONCE = 8_000;

/** What a value adds to a sum: Postgres refuses finite values that add up to more than a double holds (1.8e308). */
export const summand = (value: SQL): SQL =>
  sql`case when abs(${value}) > 1e290 then sign(${value}) * 'Infinity'::float8 else ${value} end`;

type Points = z.infer<typeof MetricsReport>["points"];
type Key = { rank: number; name: string };
type Row = readonly [series: number, step: number, ts: number, value: number];

/** Stores points of an attempt: when this resolves they are kept. */
export async function ingestMetrics(db: Database, owner: AttemptOwner, points: Points): Promise<void> {
  if (points.length === 0) return;
  const ids = await seriesIds(db, owner, points);
  const rows = points.map((p): Row => [idOf(ids, owner.id, p), p.step, p.ts, p.value ?? Number.NaN]);
  const { id } = owner;
  const writer =
    writers().get(id) ?? new Gatherer<Row>((all) => writePoints(db, owner.runId, all), WRITTEN_AT_ONCE);
  writers().set(id, writer);
  try {
    await writer.add(rows);
  } finally {
    if (writer.isIdle && writers().get(id) === writer) writers().delete(id);
  }
}

const writers = () => singleton("runs.point-writers", () => new Map<string, Gatherer<Row>>());

async function writePoints(db: Database, runId: string, points: readonly Row[]): Promise<void> {
  const column = (of: 0 | 1 | 2 | 3, type: "bigint" | "float8") =>
    sql`${`{${points.map((p) => p[of]).join(",")}}`}::${sql.raw(type)}[]`;
  const [fine, coarse] = LEVELS;
  // Sorted, so that two statements on one series lock rows in the same order. The coarse level is made of the fine one.
  const { rows } = await db.execute<{ inserted: number }>(sql`
    with inserted as (
      insert into point (series_id, step, ts, value)
      select * from unnest(${column(0, "bigint")}, ${column(1, "bigint")}, ${column(2, "bigint")},
                           ${column(3, "float8")}) as p (series_id, step, ts, value)
      order by 1, 2, 3, 4
      on conflict do nothing
      returning series_id, step, ts, value
    ), fine as materialized (
      select series_id, step / ${fine}::bigint as bucket, count(*)::int as n, min(value) as min, max(value) as max,
             sum(${summand(sql`value`)}) as sum,
             (array_agg(value order by step desc, ts desc, value desc))[1] as last, max(step) as last_step,
             (array_agg(ts order by step desc, ts desc, value desc))[1] as last_ts
      from inserted group by 1, 2
    ), rolled as (
      insert into rollup (series_id, level, bucket, n, min, max, sum, last, last_step, last_ts)
      select series_id, ${fine}::int, bucket, n, min, max, sum, last, last_step, last_ts from fine
      union all
      select series_id, ${coarse}::int, bucket / ${coarse / fine}::bigint, sum(n), min(min), max(max), sum(sum),
             (array_agg(last order by bucket desc))[1], max(last_step), (array_agg(last_ts order by bucket desc))[1]
      from fine group by 1, 3
      order by 1, 2, 3
      on conflict (series_id, level, bucket) do update set
        n = rollup.n + excluded.n,
        min = least(rollup.min, excluded.min),
        max = greatest(rollup.max, excluded.max),
        sum = rollup.sum + excluded.sum,
        last = case when (excluded.last_step, excluded.last_ts, excluded.last) > (rollup.last_step, rollup.last_ts, rollup.last)
                    then excluded.last else rollup.last end,
        last_ts = case when (excluded.last_step, excluded.last_ts) > (rollup.last_step, rollup.last_ts)
                       then excluded.last_ts else rollup.last_ts end,
        last_step = greatest(rollup.last_step, excluded.last_step)
    )
    select count(*)::int as inserted from inserted`);
  if ((rows[0]?.inserted ?? 0) > 0) tellNews(runId, "metrics");
}

const cache = () => singleton("runs.series", () => new Map<string, number>());
const cacheKey = (attemptId: string, { rank, name }: Key) => `${attemptId} ${rank} ${name}`;

function idOf(ids: Map<string, number>, attemptId: string, key: Key): number {
  const id = ids.get(cacheKey(attemptId, key));
  if (id === undefined) throw new Error(`series ${key.name} of rank ${key.rank} has no id`);
  return id;
}

/** The ids of the series that `points` belong to, made where they are missing. */
async function seriesIds(db: Db, owner: AttemptOwner, points: Points): Promise<Map<string, number>> {
  const known = cache();
  const missing = new Map<string, Key>();
  for (const { rank, name } of points) {
    const key = cacheKey(owner.id, { rank, name });
    if (!known.has(key)) missing.set(key, { rank, name });
  }
  if (missing.size === 0) return known;
  if (known.size > CACHED_SERIES) known.clear();
  const wanted = JSON.stringify([...missing.values()]);
  await db.execute(sql`
    insert into series (run_id, attempt_id, rank, name)
    select ${owner.runId}, ${owner.id}, w.rank, w.name
    from jsonb_to_recordset(${wanted}::jsonb) as w (rank smallint, name text) order by 3, 4
    on conflict do nothing`);
  const { rows } = await db.execute<{ id: string; rank: number; name: string }>(sql`
    select id, rank, name from series where attempt_id = ${owner.id}`);
  for (const row of rows) known.set(cacheKey(owner.id, row), Number(row.id));
  return known;
}
