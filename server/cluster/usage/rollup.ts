/** Coarse rows of what is past, and an end to rows that are old: what keeps the charts on a disk of one size. */
import { sql } from "drizzle-orm";
import { transact } from "../../platform/context";
import type { Database, Transaction } from "../../platform/db";
import { LEVELS } from "./ingest";
import { KEEP_COARSE_DAYS, KEEP_FINE_HOURS } from "./read";

/** Days for which the pieces of the lives of nodes and demands are kept after they ended, and changes of capacity. */
const KEEP_HISTORY_DAYS = 400;

/**
 * Rolls up every coarse bucket that is over and not rolled up yet, and drops what is older than it is kept. May be
 * repeated. `fence` is the caller's lease.
 *
 * @param now what time it is, where time is played
 */
export async function rollUpUsage(
  db: Database,
  fence: (tx: Transaction) => Promise<void>,
  now = new Date(),
): Promise<void> {
  await transact({ db }, async (tx) => {
    await fence(tx);
    await rollUp(tx, "node", now);
    await rollUp(tx, "pool", now);
    for (const table of [sql`node_usage`, sql`pool_usage`]) {
      await tx.execute(sql`delete from ${table} where level in (${LEVELS.node.fine}, ${LEVELS.pool.fine})
        and at < ${now}::timestamptz - make_interval(hours => ${KEEP_FINE_HOURS})`);
      await tx.execute(
        sql`delete from ${table} where at < ${now}::timestamptz - make_interval(days => ${KEEP_COARSE_DAYS})`,
      );
    }
    for (const table of [sql`node_interval`, sql`demand_interval`])
      await tx.execute(
        sql`delete from ${table} where until < ${now}::timestamptz - make_interval(days => ${KEEP_HISTORY_DAYS})`,
      );
  });
}

/** Element by element: the mean of means (each covers as long) and the highest peak. */
async function rollUp(tx: Transaction, of: keyof typeof LEVELS, now: Date): Promise<void> {
  const { fine, coarse } = LEVELS[of];
  const table = of === "node" ? sql`node_usage` : sql`pool_usage`;
  const whose = of === "node" ? sql`serial` : sql`cluster_id, pool`;
  const begin = sql`to_timestamp(floor(extract(epoch from u.at) / ${coarse}) * ${coarse})`;
  await tx.execute(sql`
    insert into ${table} (${whose}, level, at, mean, peak)
    select ${whose}, ${coarse}, begin, array_agg(mean order by place), array_agg(peak order by place)
    from (
      select ${whose}, ${begin} as begin, v.place, avg(v.mean)::real as mean, max(v.peak) as peak
      from ${table} u cross join lateral unnest(u.mean, u.peak) with ordinality as v (mean, peak, place)
      where u.level = ${fine}
        and u.at < to_timestamp(floor(extract(epoch from ${now}::timestamptz) / ${coarse}) * ${coarse})
        and u.at >= coalesce((select max(at) from ${table} where level = ${coarse}) + make_interval(secs => ${coarse}), '-infinity')
      group by ${whose}, begin, v.place
    ) rolled
    group by ${whose}, begin
    on conflict do nothing`);
}
