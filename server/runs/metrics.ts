/** Charts: a range of steps and a width in pixels in, at most that many buckets a line out. Spikes survive. */
import { sql } from "drizzle-orm";
import type { z } from "zod";
import type { Db } from "../platform/db";
import { summand } from "./door/metrics";
import type { Attempt, Run } from "./records";
import type { MetricsQuery } from "./screens";

export interface Bucket {
  /** The last step in the bucket, and when it was logged (Unix ms). */
  step: number;
  ts: number;
  n: number;
  /** Null where a value was not finite. */
  min: number | null;
  max: number | null;
  mean: number | null;
  last: number | null;
}
export interface Line {
  /** 0 when all ranks make one line. */
  rank: number;
  attempt: number;
  /** Steps that a later attempt did again from its checkpoint: drawn grey. */
  isEarlier: boolean;
  buckets: Bucket[];
}

/** What workers use of their nodes; reported by the ranks themselves, with seconds for steps. */
const USE = "worker/";
const USES = {
  cpuPercent: "cpu_percent",
  memoryBytes: "memory_bytes",
  gpuPercent: "gpu_percent",
  gpuMemoryBytes: "gpu_memory_bytes",
  sentBytesPerSecond: "sent_bytes_per_second",
  receivedBytesPerSecond: "received_bytes_per_second",
} as const;
const USE_POINTS = 60;

/** Holds for a series `s` that the work itself logged. */
export const isLogged = sql`not starts_with(s.name, ${USE})`;

export type Use = { rank: number } & Record<keyof typeof USES, number[]>;

/** The newest values of what each rank of an attempt uses, oldest first; empty where none is known. */
export async function readUse(db: Db, attemptId: string): Promise<Use[]> {
  const { rows } = await db.execute<{ rank: number; name: string; values: number[] }>(sql`
    select s.rank::int as rank, s.name, p.values
    from series s cross join lateral (
      select array_agg(value order by step) as values
      from (select step, value from point where series_id = s.id order by step desc limit ${USE_POINTS}) newest
    ) p
    where s.attempt_id = ${attemptId} and starts_with(s.name, ${USE}) order by s.rank`);
  return [...new Set(rows.map((row) => row.rank))].map((rank) => {
    const of = (name: string) =>
      rows.find((row) => row.rank === rank && row.name === `${USE}${name}`)?.values ?? [];
    return { rank, ...mapValues(USES, of) };
  });
}

const mapValues = <K extends string, V>(of: Record<K, string>, value: (name: string) => V) =>
  Object.fromEntries(Object.entries<string>(of).map(([key, name]) => [key, value(name)])) as Record<K, V>;

/** What a run logged: by name, with the ranks that did. */
export async function listSeries(db: Db, runId: string) {
  const { rows } = await db.execute<{ name: string; ranks: number[]; points: number; last_step: number }>(sql`
    select s.name, array_agg(distinct s.rank order by s.rank)::int[] as ranks,
           coalesce(sum(r.n), 0)::int as points, coalesce(max(r.last_step), 0)::float8 as last_step
    from series s left join rollup r on r.series_id = s.id and r.level = 1024
    where s.run_id = ${runId} and ${isLogged} group by s.name order by s.name`);
  return rows.map((r) => ({ name: r.name, ranks: r.ranks, points: r.points, lastStep: r.last_step }));
}

/** Steps a bucket of the answer holds, and which stored level it is made of (1: the points themselves). */
export function resolution(span: number, width: number): { level: 1 | 64 | 1024; size: number } {
  const perBucket = Math.max(1, span / Math.max(1, width - 1));
  const level = perBucket >= 1024 ? 1024 : perBucket >= 64 ? 64 : 1;
  return { level, size: Math.ceil(perBucket / level) * level };
}

/** Where an attempt's steps stop counting: where the first later attempt started from. */
export function boundaries(attempts: readonly Pick<Attempt, "id" | "number" | "firstStep">[]) {
  return attempts.map((a) => ({
    id: a.id,
    number: a.number,
    until: Math.min(
      ...attempts.filter((b) => b.number > a.number).map((b) => b.firstStep ?? 0),
      Number.MAX_SAFE_INTEGER,
    ),
  }));
}

interface Row extends Record<string, unknown> {
  attempt: number;
  rank: number;
  superseded: boolean;
  step: number;
  ts: number;
  n: number;
  min: number;
  max: number;
  sum: number;
  last: number;
}

/** One metric of a run over a range, as lines of buckets. */
export async function readMetric(
  db: Db,
  run: Pick<Run, "id">,
  attempts: readonly Attempt[],
  query: z.infer<typeof MetricsQuery>,
): Promise<{ from: number; to: number; level: 1 | 64 | 1024; series: Line[] }> {
  const { rows: extents } = await db.execute<{ lo: number | null; hi: number | null }>(sql`
    select min(r.bucket * 1024)::float8 as lo, max(r.last_step)::float8 as hi
    from series s join rollup r on r.series_id = s.id and r.level = 1024
    where s.run_id = ${run.id} and s.name = ${query.name}`);
  const end = query.to ?? extents[0]?.hi ?? 0;
  const from = query.last ? Math.max(0, end - query.last + 1) : (query.from ?? extents[0]?.lo ?? 0);
  const to = Math.max(from, end);
  const { level, size } = resolution(to - from + 1, query.width);
  const limits = JSON.stringify(boundaries(attempts));
  const source =
    level === 1
      ? sql`select series_id, step, ts, 1 as n, value as min, value as max, ${summand(sql`value`)} as sum, value as last from point
            where series_id in (select id from wanted) and step between ${from} and ${to}`
      : sql`select series_id, last_step as step, last_ts as ts, n, min, max, sum, last from rollup
            where series_id in (select id from wanted) and level = ${level}
              and bucket between ${Math.floor(from / level)} and ${Math.floor(to / level)}`;
  const { rows } = await db.execute<Row>(sql`
    with limits as (
      select * from jsonb_to_recordset(${limits}::jsonb) as l (id text, number int, until bigint)
    ), wanted as (
      select s.id, l.number, l.until, ${query.byRank ? sql`s.rank` : sql`0`} as rank
      from series s join limits l on l.id = s.attempt_id where s.run_id = ${run.id} and s.name = ${query.name}
    ), part as (${source})
    select w.number as attempt, w.rank::int as rank, p.step > w.until as superseded,
           max(p.step)::float8 as step, max(p.ts)::float8 as ts, sum(p.n)::int as n, min(p.min) as min,
           max(p.max) as max, sum(p.sum) as sum, (array_agg(p.last order by p.step desc, p.ts desc))[1] as last
    from part p join wanted w on w.id = p.series_id
    group by w.number, w.rank, superseded, p.step / ${size}::bigint
    order by attempt, rank, superseded, step`);
  return { from, to, level, series: toLines(rows) };
}

export const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);

function toLines(rows: readonly Row[]): Line[] {
  const lines = new Map<string, Line>();
  for (const row of rows) {
    const key = `${row.attempt} ${row.rank} ${row.superseded}`;
    const line = lines.get(key) ?? {
      rank: row.rank,
      attempt: row.attempt,
      isEarlier: row.superseded,
      buckets: [],
    };
    lines.set(key, line);
    line.buckets.push({
      step: row.step,
      ts: row.ts,
      n: row.n,
      min: finite(row.min),
      max: finite(row.max),
      mean: finite(row.sum / row.n),
      last: finite(row.last),
    });
  }
  return [...lines.values()];
}
