/** Runs side by side: what they were asked to do, how they ended, and one metric of all of them on one grid. */
import { sql } from "drizzle-orm";
import type { z } from "zod";
import type { TeamContext } from "../platform/context";
import type { Db } from "../platform/db";
import { configurationOf } from "./configuration";
import { summand } from "./door/metrics";
import { type Bucket, finite, isLogged } from "./metrics";
import { runsByNumber } from "./reads";
import type { Run } from "./records";
import type { CompareMetric } from "./screens";
import { paramsOfRuns } from "./tracking/repo";

/** @throws NotFound naming the runs that are not there */
export async function compare(ctx: TeamContext, numbers: readonly number[]) {
  const runs = await runsByNumber(ctx.db, ctx.teamId, numbers);
  const ids = runs.map(({ id }) => id);
  const [params, newest] = await Promise.all([
    paramsOfRuns(ctx.db, ctx.teamId, ids),
    newestMetrics(ctx.db, ids),
  ]);
  return runs.map((run) => ({
    id: run.id,
    number: run.number,
    title: run.title,
    kind: run.kind,
    state: run.state,
    createdAt: run.createdAt,
    /** From its start to its end; null before. */
    seconds: run.startedAt && run.endedAt ? (run.endedAt.getTime() - run.startedAt.getTime()) / 1000 : null,
    stepsAnEpoch: stepsAnEpoch(run),
    configuration: configurationOf(run.spec, run.resources),
    params: params.get(run.id) ?? [],
    newest: newest.get(run.id) ?? [],
  }));
}

/** Known of a training once it has said how many steps it takes. */
function stepsAnEpoch({ spec, progress }: Run): number | null {
  if (spec.kind !== "train" || !progress?.totalSteps) return null;
  return progress.totalSteps / spec.hyper.epochs;
}

interface Newest {
  name: string;
  step: number;
  /** Null where it was not finite. */
  value: number | null;
}

/** Of each metric of rank 0 the newest point of the newest attempt that logged it, by run. */
async function newestMetrics(db: Db, runIds: readonly string[]): Promise<Map<string, Newest[]>> {
  const { rows } = await db.execute<{ run_id: string; name: string; step: number; value: number }>(sql`
    select distinct on (s.run_id, s.name) s.run_id, s.name, r.last_step::float8 as step, r.last as value
    from series s
    join attempt a on a.id = s.attempt_id
    cross join lateral (
      select last_step, last from rollup where series_id = s.id and level = 1024 order by bucket desc limit 1
    ) r
    where s.run_id in (select value from jsonb_array_elements_text(${JSON.stringify(runIds)}::jsonb))
      and s.rank = 0 and ${isLogged}
    order by s.run_id, s.name, a.number desc`);
  const byRun = new Map<string, Newest[]>();
  for (const { run_id, name, step, value } of rows) {
    const known = byRun.get(run_id) ?? [];
    known.push({ name, step, value: finite(value) });
    byRun.set(run_id, known);
  }
  return byRun;
}

/** Where the points of a metric of one run lie. */
interface Extent extends Record<string, unknown> {
  id: string;
  /** Of all ranks and attempts. */
  points: number;
  from: number;
  to: number;
  /** Unix ms: of the first point of any metric of the run, and of the last one of this metric. */
  origin: number;
  end: number;
}

/** A bucket of a comparison: `x` is a step, or seconds since the run's first point. */
export type ComparedBucket = Omit<Bucket, "step" | "ts" | "last"> & { x: number };

/** Points and buckets that an answer is made of, and buckets that it holds, of all lines together. */
const READ_AT_MOST = 200_000;
const ANSWER_AT_MOST = 12_000;

/** Buckets a line, so that the lines of a comparison together stay few enough to send and to draw. */
export const widthOf = (width: number, lines: number): number =>
  Math.min(width, Math.max(10, Math.floor(ANSWER_AT_MOST / Math.max(1, lines))));

/** The finest stored level that fits a bucket of so many steps and the share of the points that may be read. */
export function levelOf(points: number, stepsABucket: number, share: number): 1 | 64 | 1024 {
  if (stepsABucket < 64 && points <= share) return 1;
  return stepsABucket < 1024 && points / 64 <= share ? 64 : 1024;
}

/**
 * One metric of several runs, ranks joined, without the steps that a later attempt did again. All lines share one grid
 * of buckets, so that a chart joins them cheaply.
 *
 * @throws NotFound naming the runs that are not there
 */
export async function compareMetric(ctx: TeamContext, query: z.infer<typeof CompareMetric>) {
  const runs = await runsByNumber(ctx.db, ctx.teamId, query.runs);
  const extents = await extentsOf(
    ctx.db,
    runs.map(({ id }) => id),
    query.name,
  );
  const width = widthOf(query.width, extents.length);
  const isTime = query.over === "time";
  const from = isTime ? 0 : Math.min(...extents.map((extent) => extent.from));
  const to = Math.max(...extents.map((extent) => (isTime ? extent.end - extent.origin : extent.to)));
  const span = Math.max(1, to - from + 1);
  const size = isTime ? span / width : Math.ceil(span / width);
  const asked = extents.map((extent) => {
    const steps = extent.to - extent.from + 1;
    const stepsABucket = isTime ? (steps * size) / Math.max(1, extent.end - extent.origin) : size;
    const level = levelOf(extent.points, stepsABucket, READ_AT_MOST / extents.length);
    return { id: extent.id, level, origin: isTime ? extent.origin : from };
  });
  const lines =
    asked.length > 0
      ? await readLines(ctx.db, query.name, asked, { isTime, size })
      : new Map<string, ComparedBucket[]>();
  const unit = isTime ? 1000 : 1;
  return {
    series: runs.map((run) => ({
      run: run.number,
      buckets: (lines.get(run.id) ?? []).map(
        ({ x, ...bucket }): ComparedBucket => ({ ...bucket, x: (isTime ? x : x + from) / unit }),
      ),
    })),
  };
}

async function extentsOf(db: Db, runIds: readonly string[], name: string): Promise<Extent[]> {
  const { rows } = await db.execute<Extent>(sql`
    with asked as (select value as id from jsonb_array_elements_text(${JSON.stringify(runIds)}::jsonb)), begun as (
      select s.run_id, min(p.ts) as origin from series s
      cross join lateral (select ts from point where series_id = s.id order by step, ts limit 1) p
      where s.run_id in (select id from asked) and s.rank = 0 and ${isLogged} group by s.run_id
    )
    select s.run_id as id, sum(r.n)::float8 as points, min(r.bucket * 1024)::float8 as "from",
           max(r.last_step)::float8 as "to", min(coalesce(b.origin, r.last_ts))::float8 as origin,
           max(r.last_ts)::float8 as "end"
    from series s join rollup r on r.series_id = s.id and r.level = 1024 left join begun b on b.run_id = s.run_id
    where s.run_id in (select id from asked) and s.name = ${name} group by s.run_id`);
  return rows;
}

interface Row extends Record<string, unknown> {
  id: string;
  x: number;
  n: number;
  min: number;
  max: number;
  sum: number;
}

/** Buckets by run; `x` from the origin of each, in steps or ms. A bucket stands at its end, the last one at its last point. */
async function readLines(
  db: Db,
  name: string,
  asked: readonly { id: string; level: number; origin: number }[],
  { isTime, size }: { isTime: boolean; size: number },
): Promise<Map<string, ComparedBucket[]>> {
  const x = isTime ? sql`greatest(0, p.ts - w.origin)` : sql`p.step - w.origin`;
  const { rows } = await db.execute<Row>(sql`
    with asked as (
      select * from jsonb_to_recordset(${JSON.stringify(asked)}::jsonb) as a (id text, level int, origin float8)
    ), counted as (
      select id, coalesce(min(coalesce(first_step, 0)) over later, ${Number.MAX_SAFE_INTEGER}::bigint) as until
      from attempt where run_id in (select id from asked)
      window later as (partition by run_id order by number rows between 1 following and unbounded following)
    ), wanted as (
      select s.id as series_id, a.id, a.level, a.origin, c.until
      from asked a join series s on s.run_id = a.id and s.name = ${name} join counted c on c.id = s.attempt_id
    ), part as (
      select w.id, ${x} as x, 1 as n, p.value as min, p.value as max, ${summand(sql`p.value`)} as sum
      from wanted w join point p on p.series_id = w.series_id
      where w.level = 1 and p.step <= w.until
      union all
      select w.id, ${isTime ? sql`greatest(0, p.last_ts - w.origin)` : sql`p.last_step - w.origin`}, p.n, p.min, p.max, p.sum
      from wanted w join rollup p on p.series_id = w.series_id and p.level = w.level
      where w.level > 1 and p.last_step <= w.until
    ), grid as (
      select id, floor(x / ${size}::float8) as bucket, max(x) as last, sum(n)::int as n, min(min) as min,
             max(max) as max, sum(sum) as sum
      from part group by 1, 2
    )
    select id, n, min, max, sum,
           case when lead(bucket) over (partition by id order by bucket) is null then last
                else (bucket + 1) * ${size}::float8 - ${isTime ? 0 : 1} end as x
    from grid order by id, bucket`);
  const lines = new Map<string, ComparedBucket[]>();
  for (const { id, sum, ...row } of rows) {
    const line = lines.get(id) ?? [];
    line.push({
      x: row.x,
      n: row.n,
      min: finite(row.min),
      max: finite(row.max),
      mean: finite(sum / row.n),
    });
    lines.set(id, line);
  }
  return lines;
}
