/** What rules of alerts look at in runs that go on: their newest points, and how fast each rank computes. */
import { sql } from "drizzle-orm";
import type { Db } from "../platform/db";
import { unpack } from "./points/chunk";

/** Chunks whose points are read one by one; of those before them, and of rollups, the last point. */
const READ_WHOLE = 2;
const MOST_CHUNKS = 32;
const MOST_ROLLUPS = 200;

export interface WatchedMetric {
  run: number;
  title: string;
  name: string;
  startedAt: Date;
  points: { at: number; value: number }[];
}

/**
 * Metrics of rank 0 of the newest attempts of all runs of a team that go on, since a moment. One query for all of them;
 * a run that logs thousands of points a minute costs no more than one that logs ten.
 *
 * @param from Unix milliseconds
 */
export async function watchedMetrics(
  db: Db,
  teamId: string,
  names: readonly string[],
  from: number,
): Promise<WatchedMetric[]> {
  // Points carry whole milliseconds; the database's clock does not.
  const since = Math.ceil(from);
  const { rows } = await db.execute<{
    run: number;
    title: string;
    name: string;
    startedAt: string;
    ts: number | null;
    value: number | null;
    body: Buffer | null;
  }>(sql`
    select r.number as run, r.title, w.name, coalesce(a.started_at, a.created_at) as "startedAt",
      p.ts, p.value, p.body
    from run r
    join lateral (select * from attempt where run_id = r.id order by number desc limit 1) a on a.state = 'running'
    cross join (select json_array_elements_text(${JSON.stringify(names)}::json) as name) w
    left join series s on s.attempt_id = a.id and s.rank = 0 and s.name = w.name
    left join lateral (
      (select last_ts::float8 as ts, last as value, case when row_number() over (order by bucket desc, part desc) <= ${READ_WHOLE} then body end as body
       from chunk where series_id = s.id and last_ts >= ${since} order by bucket desc, part desc limit ${MOST_CHUNKS})
      union all
      (select last_ts::float8, last, null from rollup where series_id = s.id and last_ts >= ${since}
       order by bucket desc limit ${MOST_ROLLUPS})) p on true
    where r.team_id = ${teamId} and r.state = 'running'
    order by r.number, w.name`);
  const found = new Map<string, WatchedMetric>();
  for (const { run, title, name, startedAt, ts, value, body } of rows) {
    const key = `${run} ${name}`;
    const metric = found.get(key) ?? { run, title, name, startedAt: new Date(startedAt), points: [] };
    found.set(key, metric);
    if (body) for (const point of unpack(body)) metric.points.push({ at: point.ts, value: point.value });
    else if (ts !== null && value !== null) metric.points.push({ at: ts, value });
  }
  return [...found.values()];
}

export interface RankTimes {
  run: number;
  title: string;
  ranks: { rank: number; ms: number }[];
}

/** Of trainings of several ranks that run: the mean compute time of each rank's last two chunks of 64 steps. */
export async function rankTimes(db: Db, teamId: string): Promise<RankTimes[]> {
  const { rows } = await db.execute<{ run: number; title: string; rank: number; ms: number }>(sql`
    select r.number as run, r.title, s.rank::int as rank, (sum(c.sum) / sum(c.n))::float8 as ms
    from run r
    join lateral (select * from attempt where run_id = r.id order by number desc limit 1) a on a.state = 'running'
    join series s on s.attempt_id = a.id and s.name = 'train/compute_time'
    cross join lateral (
      select sum, n from chunk where series_id = s.id order by bucket desc, part desc limit 2) c
    where r.team_id = ${teamId} and r.state = 'running' and a.worker_count > 1
    group by r.number, r.title, s.rank order by r.number, s.rank`);
  const byRun = new Map<number, RankTimes>();
  for (const { run, title, rank, ms } of rows) {
    if (!Number.isFinite(ms)) continue;
    const of = byRun.get(run) ?? { run, title, ranks: [] };
    byRun.set(run, of);
    of.ranks.push({ rank, ms });
  }
  return [...byRun.values()];
}
