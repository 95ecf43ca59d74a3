/**
 * Ingestion of metrics: points and their rollups in one statement, synchronously committed, so that every point that
 * was acknowledged survives a crash of the database. A replay inserts nothing, and rollups are made of what was
 * inserted only.
 */
import { type SQL, sql } from "drizzle-orm";
import type { z } from "zod";
import type { Database, Db } from "../../platform/db";
import { tellNews } from "../../platform/live/relay";
import { singleton } from "../../platform/singleton";
import type { MetricsReport } from "../contract";
import type { AttemptOwner } from "./owner";

/** Steps a rollup bucket holds. */
export const LEVELS = [64, 1024] as const;
const CACHED_SERIES = 50_000;

/** What a value adds to a sum: Postgres refuses finite values that add up to more than a double holds (1.8e308). */
export const summand = (value: SQL): SQL =>
  sql`case when abs(${value}) > 1e290 then sign(${value}) * 'Infinity'::float8 else ${value} end`;

type Points = z.infer<typeof MetricsReport>["points"];
type Key = { rank: number; name: string };

/** Stores points of an attempt; answers how many were new. */
export async function ingestMetrics(db: Database, owner: AttemptOwner, points: Points): Promise<number> {
  if (points.length === 0) return 0;
  const ids = await seriesIds(db, owner, points);
  const series: number[] = [];
  const steps: number[] = [];
  const stamps: number[] = [];
  const values: number[] = [];
  for (const p of points) {
    series.push(idOf(ids, owner.id, p));
    steps.push(p.step);
    stamps.push(p.ts);
    values.push(p.value ?? Number.NaN);
  }
  const array = (list: number[], type: "bigint" | "float8") =>
    sql`${`{${list.join(",")}}`}::${sql.raw(type)}[]`;
  // Sorted, so that two batches of one series lock rows in the same order.
  const { rows } = await db.execute<{ inserted: number }>(sql`
    with inserted as (
      insert into point (series_id, step, ts, value)
      select * from unnest(${array(series, "bigint")}, ${array(steps, "bigint")}, ${array(stamps, "bigint")},
                           ${array(values, "float8")}) as p (series_id, step, ts, value)
      order by 1, 2, 3, 4
      on conflict do nothing
      returning series_id, step, ts, value
    ), rolled as (
      insert into rollup (series_id, level, bucket, n, min, max, sum, last, last_step, last_ts)
      select series_id, level, step / level, count(*), min(value), max(value), sum(${summand(sql`value`)}),
             (array_agg(value order by step desc, ts desc, value desc))[1], max(step),
             (array_agg(ts order by step desc, ts desc))[1]
      from inserted, unnest(${array([...LEVELS], "bigint")}) as l (level)
      group by 1, 2, 3 order by 1, 2, 3
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
  const inserted = rows[0]?.inserted ?? 0;
  if (inserted > 0) tellNews(owner.runId, "metrics");
  return inserted;
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
