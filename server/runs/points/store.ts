/**
 * Writing points: in one transaction what is there is read, merged and written back with the rollups of 1,024 steps,
 * committed synchronously. What was there already is not written, and a rollup takes in only what was not.
 */
import { sql } from "drizzle-orm";
import type { Database, Transaction } from "../../platform/db";
import {
  COARSE,
  FINE,
  merge,
  ordered,
  type Part,
  POINT_BYTES,
  type Point,
  pack,
  summarise,
  unpack,
} from "./chunk";

export interface SeriesPoint extends Point {
  series: number;
}
interface Touched {
  series: number;
  bucket: number;
  points: Point[];
}
interface Change extends Part {
  series: number;
  bucket: number;
}

/** Stores points of an attempt's series. @returns how many were not there */
export async function storePoints(
  db: Database,
  attemptId: string,
  points: readonly SeriesPoint[],
): Promise<number> {
  const touched = bySteps(points);
  return db.transaction(async (tx) => {
    await lockPoints(tx, attemptId);
    const there = await readTouched(tx, touched);
    const changes: Change[] = [];
    const added = new Map<string, Touched>();
    for (const { series, bucket, points } of touched) {
      const merged = merge(there.get(`${series} ${bucket}`) ?? [], points);
      changes.push(...merged.changed.map((part) => ({ series, bucket, ...part })));
      if (merged.added.length > 0)
        grouped(added, series, Math.floor((bucket * FINE) / COARSE)).points.push(...merged.added);
    }
    if (changes.length > 0) await write(tx, changes, [...added.values()]);
    return [...added.values()].reduce((sum, { points }) => sum + points.length, 0);
  });
}

/** Writers of one attempt take turns, those of other processes too: a chunk that is not there can't be locked itself. */
const lockPoints = (tx: Transaction, attemptId: string) =>
  tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${`points:${attemptId}`}, 0))`);

function grouped(groups: Map<string, Touched>, series: number, bucket: number): Touched {
  const key = `${series} ${bucket}`;
  const group = groups.get(key) ?? { series, bucket, points: [] };
  groups.set(key, group);
  return group;
}

/** The groups, and what is in each of them, in order. */
function bySteps(points: readonly SeriesPoint[]): Touched[] {
  const groups = new Map<string, Touched>();
  let group: Touched | undefined;
  for (const point of points) {
    const bucket = Math.floor(point.step / FINE);
    if (group?.series !== point.series || group.bucket !== bucket)
      group = grouped(groups, point.series, bucket);
    group.points.push(point);
  }
  return [...groups.values()]
    .map((group) => ({ ...group, points: ordered(group.points) }))
    .sort((a, b) => a.series - b.series || a.bucket - b.bucket);
}

const array = <T>(of: readonly T[], column: (item: T) => number, type: "bigint" | "int" | "float8") =>
  sql`${`{${of.map(column).join(",")}}`}::${sql.raw(type)}[]`;

/** Of the steps of each group the parts from the one before its first point on, in order. */
async function readTouched(tx: Transaction, touched: readonly Touched[]): Promise<Map<string, Part[]>> {
  const first = touched.flatMap(({ points }) => points.slice(0, 1));
  const { rows } = await tx.execute<{ key: string; part: number; body: Buffer | null }>(sql`
    select t.series_id || ' ' || t.bucket as key, c.part, c.body
    from unnest(${array(touched, ({ series }) => series, "bigint")}, ${array(touched, ({ bucket }) => bucket, "bigint")},
                ${array(first, ({ step }) => step, "bigint")}, ${array(first, ({ ts }) => ts, "bigint")})
      as t (series_id, bucket, step, ts)
    join chunk c on c.series_id = t.series_id and c.bucket = t.bucket
    where c.part >= coalesce((
      select b.part from chunk b
      where b.series_id = t.series_id and b.bucket = t.bucket and (b.last_step, b.last_ts) < (t.step, t.ts)
      order by b.part desc limit 1), 0)
    order by t.series_id, t.bucket, c.part`);
  const there = new Map<string, Part[]>();
  for (const { key, part, body } of rows) {
    if (!body) throw new Error(`points of the chunk ${key} were compacted; its run should be over`);
    const parts = there.get(key) ?? [];
    parts.push({ part, points: unpack(body) });
    there.set(key, parts);
  }
  return there;
}

async function write(tx: Transaction, changes: readonly Change[], added: readonly Touched[]): Promise<void> {
  const bodies = changes.map(({ points }) => pack(points));
  let end = 1;
  const starts = bodies.map((body) => {
    end += body.length;
    return end - body.length;
  });
  await tx.execute(sql`
    with chunks as (
      insert into chunk (series_id, bucket, part, body, n, min, max, sum, last, last_step, last_ts)
      select c.series_id, c.bucket, part, substring(${Buffer.concat(bodies)}::bytea from start for n * ${POINT_BYTES}::int),
             n, min, max, sum, last, last_step, last_ts
      from unnest(${array(changes, ({ part }) => part, "int")}, ${array(starts, (at) => at, "int")}, ${columns(changes)})
        as c (part, start, series_id, bucket, n, min, max, sum, last, last_step, last_ts)
      on conflict (series_id, bucket, part) do update set
        body = excluded.body, n = excluded.n, min = excluded.min, max = excluded.max, sum = excluded.sum,
        last = excluded.last, last_step = excluded.last_step, last_ts = excluded.last_ts
    )
    insert into rollup (series_id, bucket, n, min, max, sum, last, last_step, last_ts)
    select * from unnest(${columns(added)})
    on conflict (series_id, bucket) do update set
      n = rollup.n + excluded.n,
      min = least(rollup.min, excluded.min),
      max = greatest(rollup.max, excluded.max),
      sum = rollup.sum + excluded.sum,
      (last, last_step, last_ts) = (
        select l.last, l.step, l.ts
        from (values (rollup.last, rollup.last_step, rollup.last_ts),
                     (excluded.last, excluded.last_step, excluded.last_ts)) as l (last, step, ts)
        order by l.step desc, l.ts desc, l.last desc limit 1)`);
}

/** The columns that chunks and rollups share, as arrays. */
function columns(groups: readonly Pick<Change, "series" | "bucket" | "points">[]) {
  const rows = groups.map(({ series, bucket, points }) => ({ series, bucket, ...summarise(points) }));
  return sql.join(
    [
      array(rows, ({ series }) => series, "bigint"),
      array(rows, ({ bucket }) => bucket, "bigint"),
      array(rows, ({ n }) => n, "int"),
      array(rows, ({ min }) => min, "float8"),
      array(rows, ({ max }) => max, "float8"),
      array(rows, ({ sum }) => sum, "float8"),
      array(rows, ({ last }) => last, "float8"),
      array(rows, ({ lastStep }) => lastStep, "bigint"),
      array(rows, ({ lastTs }) => lastTs, "bigint"),
    ],
    sql`, `,
  );
}
