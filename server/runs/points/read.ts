/** Reading points themselves. Where they were compacted, the last one of 64 steps is left. */
import { type SQL, sql } from "drizzle-orm";
import type { Db } from "../../platform/db";
import { comparePoints, FINE, type Point, unpack } from "./chunk";
import type { SeriesPoint } from "./store";

interface Row extends Record<string, unknown> {
  series: number;
  body: Buffer | null;
  step: number;
  ts: number;
  value: number;
}

const pointsOf = ({ body, step, ts, value }: Row): Point[] => (body ? unpack(body) : [{ step, ts, value }]);

/**
 * The first chunks in a direction that hold `count` points between them, or all there are. The very first one counts for
 * nothing: a page may begin within it.
 */
const chunksOf = (where: SQL, direction: "asc" | "desc", count: number): SQL => {
  const order = sql.raw(["series_id", "bucket", "part"].map((column) => `${column} ${direction}`).join(", "));
  return sql`
    select * from (
      select *, sum(own) over (order by ${order}) - own - first_value(own) over (order by ${order}) as before
      from (
        select *, case when body is null then 1 else n end as own
        from chunk where ${where} order by ${order} limit ${count + 1}
      ) nearest
    ) counted where before < ${count}`;
};

const COLUMNS = sql`c.series_id::float8 as series, c.body, c.last_step::float8 as step, c.last_ts::float8 as ts, c.last as value`;

/** The greatest `count` points of each series, in order. */
export async function newestPoints(
  db: Db,
  seriesIds: readonly number[],
  count: number,
): Promise<Map<number, Point[]>> {
  const { rows } = await db.execute<Row>(sql`
    select ${COLUMNS} from unnest(${`{${seriesIds.join(",")}}`}::bigint[]) as s (id)
    cross join lateral (${chunksOf(sql`series_id = s.id`, "desc", count)}) c
    order by c.series_id, c.bucket, c.part`);
  const bySeries = new Map<number, Point[]>();
  for (const row of rows) {
    const points = bySeries.get(row.series) ?? [];
    points.push(...pointsOf(row));
    bySeries.set(row.series, points);
  }
  for (const [id, points] of bySeries) bySeries.set(id, points.slice(-count));
  return bySeries;
}

/** Up to `limit` points that come after another, series after series in the order of their ids. */
export async function pointsAfter(
  db: Db,
  seriesIds: readonly number[],
  after: SeriesPoint | null,
  limit: number,
): Promise<SeriesPoint[]> {
  const beyond = after
    ? sql`and (series_id, bucket) >= (${after.series}::bigint, ${Math.floor(after.step / FINE)}::bigint)
          and (series_id, last_step, last_ts, last) >
              (${after.series}::bigint, ${after.step}::bigint, ${after.ts}::bigint, ${after.value}::float8)`
    : sql``;
  const wanted = sql`series_id = any (${`{${seriesIds.join(",")}}`}::bigint[]) ${beyond}`;
  const { rows } = await db.execute<Row>(sql`
    select ${COLUMNS} from (${chunksOf(wanted, "asc", limit)}) c order by c.series_id, c.bucket, c.part`);
  return rows
    .flatMap((row) => pointsOf(row).map((point): SeriesPoint => ({ series: row.series, ...point })))
    .filter((point) => !after || (point.series - after.series || comparePoints(point, after)) > 0)
    .slice(0, limit);
}

/** When the least point of each series was logged, Unix ms. */
export async function earliestMoments(db: Db, seriesIds: readonly number[]): Promise<Map<number, number>> {
  const { rows } = await db.execute<{ series: number; ts: number; packed: Buffer | null }>(sql`
    select c.series_id::float8 as series, c.last_ts::float8 as ts, substring(c.body from 8 * c.n + 1 for 8) as packed
    from unnest(${`{${seriesIds.join(",")}}`}::bigint[]) as s (id)
    cross join lateral (select * from chunk where series_id = s.id order by bucket, part limit 1) c`);
  return new Map(rows.map(({ series, ts, packed }) => [series, packed?.readDoubleBE() ?? ts]));
}
