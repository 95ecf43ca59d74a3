/**
 * What teams took in pools, by day: `spend_pool` says of `spend` what screens, caps and alerts ask for most, so that a
 * month of 130,000 rows is read as some hundred. It is kept in the transaction that books a day.
 */
import { sql } from "drizzle-orm";
import type { Db } from "../platform/db";

/**
 * Sums a day up anew. A work counts on its first day of the month in a pool, so that the days of a month add up to its
 * works.
 */
export async function sumUp(tx: Db, clusterId: string, day: string): Promise<void> {
  // By `offset` a work is looked up alone: through the primary key, which the planner prefers, each day of the month is.
  const wasBefore = sql`exists (
    select from (select day, kind, pool, cluster_id from spend where work = s.work offset 0) e
    where e.kind = s.kind and e.pool = s.pool and e.cluster_id = s.cluster_id and e.day < s.day
      and e.day >= date_trunc('month', ${day}::date)::date)`;
  await tx.execute(sql`
    delete from spend_pool p where p.cluster_id = ${clusterId} and p.day = ${day} and not exists (select from spend s
      where s.cluster_id = p.cluster_id and s.day = p.day and s.pool = p.pool and s.team_id = p.team_id)`);
  await tx.execute(sql`
    insert into spend_pool (day, pool, team_id, cluster_id, micros, node_ms, unpriced_ms, works)
    select s.day, s.pool, s.team_id, s.cluster_id, sum(s.micros), sum(s.node_ms), sum(s.unpriced_ms),
      count(*) filter (where s.work <> '' and not ${wasBefore})
    from spend s where s.cluster_id = ${clusterId} and s.day = ${day} group by 1, 2, 3, 4
    on conflict (day, pool, team_id, cluster_id) do update
      set micros = excluded.micros, node_ms = excluded.node_ms, unpriced_ms = excluded.unpriced_ms, works = excluded.works
      where (spend_pool.micros, spend_pool.node_ms, spend_pool.unpriced_ms, spend_pool.works) is distinct from
        (excluded.micros, excluded.node_ms, excluded.unpriced_ms, excluded.works)`);
}

/** Days of a month after one of them that hold any of these works. */
export async function laterDays(
  tx: Db,
  clusterId: string,
  day: string,
  works: readonly string[],
): Promise<string[]> {
  if (works.length === 0) return [];
  const { rows } = await tx.execute<{ day: string }>(sql`
    select distinct to_char(day, 'YYYY-MM-DD') as day from spend
    where cluster_id = ${clusterId} and work in (select json_array_elements_text(${JSON.stringify(works)}::json))
      and day > ${day}::date and day < (date_trunc('month', ${day}::date) + interval '1 month')::date`);
  return rows.map((row) => row.day);
}
