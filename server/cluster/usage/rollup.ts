/** Coarse rows of what is past, and an end to rows that are old: what keeps the charts on a disk of one size. */
import { type SQL, sql } from "drizzle-orm";
import type { Db } from "../../platform/db";
import { LEVELS } from "./ingest";
import { KEEP_COARSE_DAYS, KEEP_FINE_HOURS } from "./read";

/** Days for which the pieces of the lives of nodes and demands are kept after they ended, and changes of capacity. */
const KEEP_HISTORY_DAYS = 400;

/**
 * Rolls up every coarse bucket that is over and not rolled up yet, and drops what is older than it is kept. It may be
 * repeated and done by two at once: a row that is there stays as it is.
 *
 * @param now what time it is, where time is played
 */
export async function rollUpUsage(db: Db, now = new Date()): Promise<void> {
  const past = (of: object) =>
    sql`${now}::timestamptz - make_interval(${sql.join(
      Object.entries(of).map(([unit, n]) => sql`${sql.raw(unit)} => ${n}`),
    )})`;
  for (const whose of ["node", "pool"] as const) {
    await rollUp(db, whose, now);
    const table = TABLES[whose];
    await db.execute(
      sql`delete from ${table} where level = ${LEVELS[whose].fine} and at < ${past({ hours: KEEP_FINE_HOURS })}`,
    );
    await db.execute(sql`delete from ${table} where at < ${past({ days: KEEP_COARSE_DAYS })}`);
  }
  for (const table of [sql`node_interval`, sql`demand_interval`])
    await db.execute(sql`delete from ${table} where until < ${past({ days: KEEP_HISTORY_DAYS })}`);
}

const TABLES = { node: sql`node_usage`, pool: sql`pool_usage` };

/** Element by element: the mean of means (each covers as long) and the highest peak. */
async function rollUp(db: Db, of: keyof typeof LEVELS, now: Date): Promise<void> {
  const { fine, coarse } = LEVELS[of];
  const table = TABLES[of];
  const whose = of === "node" ? sql`serial` : sql`cluster_id, pool`;
  const begin = (moment: SQL) =>
    sql`to_timestamp(floor(extract(epoch from ${moment}) / ${coarse}) * ${coarse})`;
  await db.execute(sql`
    insert into ${table} (${whose}, level, at, mean, peak)
    select ${whose}, ${coarse}, begin, array_agg(mean order by place), array_agg(peak order by place)
    from (
      select ${whose}, ${begin(sql`u.at`)} as begin, v.place, avg(v.mean)::real as mean, max(v.peak) as peak
      from ${table} u cross join lateral unnest(u.mean, u.peak) with ordinality as v (mean, peak, place)
      where u.level = ${fine} and u.at < ${begin(sql`${now}::timestamptz`)}
        and u.at >= coalesce((select max(at) + make_interval(secs => ${coarse}) from ${table} where level = ${coarse}), '-infinity')
      group by ${whose}, begin, v.place
    ) rolled
    group by ${whose}, begin
    on conflict do nothing`);
}
