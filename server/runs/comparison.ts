/** Runs side by side: what they were asked to do, how they ended, and one metric of all of them on one grid. */
import { sql } from "drizzle-orm";
import type { z } from "zod";
import type { TeamContext } from "../platform/context";
import type { Db } from "../platform/db";
import { among } from "./among";
import { configurationOf } from "./configuration";
import { type Bucket, finite, isLogged } from "./metrics";
import { newestMetrics } from "./newest";
import { COARSE, FINE, type Level } from "./points/chunk";
import { type Cell, join, readGrid } from "./points/grid";
import { earliestMoments } from "./points/read";
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
export function levelOf(points: number, stepsABucket: number, share: number): Level {
  if (stepsABucket < FINE && points <= share) return 1;
  return stepsABucket < COARSE && points / FINE <= share ? FINE : COARSE;
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
  const [{ rows }, begun] = await Promise.all([
    db.execute<Extent>(sql`
      select s.run_id as id, sum(r.n)::float8 as points, min(r.bucket * ${COARSE}::int)::float8 as "from",
             max(r.last_step)::float8 as "to", min(r.last_ts)::float8 as origin, max(r.last_ts)::float8 as "end"
      from series s join rollup r on r.series_id = s.id
      where s.run_id in (${among(runIds)})
        and s.name = ${name} group by s.run_id`),
    begunAt(db, runIds),
  ]);
  return rows.map((extent) => ({ ...extent, origin: begun.get(extent.id) ?? extent.origin }));
}

/** When each run logged its first point, Unix ms. */
async function begunAt(db: Db, runIds: readonly string[]): Promise<Map<string, number>> {
  const { rows } = await db.execute<{ run_id: string; id: number }>(sql`
    select s.run_id, s.id::float8 as id from series s
    where s.run_id in (${among(runIds)})
      and s.rank = 0 and ${isLogged}`);
  const moments = await earliestMoments(
    db,
    rows.map(({ id }) => id),
  );
  const begun = new Map<string, number>();
  for (const { run_id, id } of rows) {
    const at = moments.get(id) ?? Number.POSITIVE_INFINITY;
    if (at < (begun.get(run_id) ?? Number.POSITIVE_INFINITY)) begun.set(run_id, at);
  }
  return begun;
}

interface Asked {
  id: string;
  level: Level;
  origin: number;
}

/** Buckets by run; `x` from the origin of each, in steps or ms. A bucket stands at its end, the last one at its last point. */
async function readLines(
  db: Db,
  name: string,
  asked: readonly Asked[],
  { isTime, size }: { isTime: boolean; size: number },
): Promise<Map<string, ComparedBucket[]>> {
  const series = await countedSeries(db, name, asked);
  const grids = series.map(({ id, of, until }) => ({
    series: id,
    level: of.level,
    origin: of.origin,
    size,
    until,
  }));
  const { cells } = await readGrid(db, isTime ? "ts" : "step", grids);
  const askedOf = new Map(series.map(({ id, of }) => [id, of]));
  const lines = new Map<Asked, Map<number, Cell>>();
  for (const cell of cells) {
    const of = askedOf.get(cell.series);
    if (!of || cell.isBeyond) continue;
    const line = lines.get(of) ?? new Map<number, Cell>();
    lines.set(of, line);
    const there = line.get(cell.cell);
    if (there) join(there, cell);
    else line.set(cell.cell, cell);
  }
  return new Map([...lines].map(([of, line]) => [of.id, onGrid([...line.values()], of, { isTime, size })]));
}

function onGrid(cells: readonly Cell[], of: Asked, { isTime, size }: { isTime: boolean; size: number }) {
  const sorted = [...cells].sort((a, b) => a.cell - b.cell);
  return sorted.map(({ cell, step, ts, n, min, max, sum }, i): ComparedBucket => {
    const end = isTime ? Math.max(0, ts - of.origin) : step - of.origin;
    const x = i === sorted.length - 1 ? end : (cell + 1) * size - (isTime ? 0 : 1);
    return { x, n, min: finite(min), max: finite(max), mean: finite(sum / n) };
  });
}

/** The series of a metric of the runs, each with the last step before a later attempt did it again. */
async function countedSeries(db: Db, name: string, asked: readonly Asked[]) {
  const { rows } = await db.execute<{ id: number; run_id: string; until: number }>(sql`
    with asked as (
      select value as id from jsonb_array_elements_text(${JSON.stringify(asked.map(({ id }) => id))}::jsonb)
    ), counted as (
      select id, coalesce(min(coalesce(first_step, 0)) over later, ${Number.MAX_SAFE_INTEGER}::bigint) as until
      from attempt where run_id in (select id from asked)
      window later as (partition by run_id order by number rows between 1 following and unbounded following)
    )
    select s.id::float8 as id, s.run_id, c.until::float8 as until
    from asked a join series s on s.run_id = a.id and s.name = ${name} join counted c on c.id = s.attempt_id`);
  const byRun = new Map(asked.map((of) => [of.id, of]));
  return rows.flatMap(({ id, run_id, until }) => {
    const of = byRun.get(run_id);
    return of ? [{ id, of, until }] : [];
  });
}
