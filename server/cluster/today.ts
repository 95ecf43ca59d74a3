/** The cluster in a few numbers: what it has against what is asked of it, and what today costs. */
import { sql } from "drizzle-orm";
import { capacityChange } from "../../db/schema/cluster";
import { ObservedCluster } from "../engine/contract";
import { defaultClusterId } from "../engine/service";
import { type Db, databaseTime } from "../platform/db";
import { findCluster, findRest } from "./repo";
import { healthOf } from "./state";

const HOUR_MS = 3_600_000;

export interface Spent {
  /** Dollars since midnight, UTC, of all teams' nodes. */
  amount: number;
  /** Of the nodes that are up. */
  perHour: number;
  /** What it will have been at midnight if nothing changes. */
  byMidnight: number;
  /** False where a node has no price: then it was more. */
  isWhole: boolean;
}

export async function clusterToday(db: Db) {
  const clusterId = await defaultClusterId(db);
  const [row, rest, [capacity], spent, now] = await Promise.all([
    findCluster(db, clusterId),
    findRest(db, clusterId),
    db
      .select()
      .from(capacityChange)
      .where(sql`${capacityChange.clusterId} = ${clusterId}`)
      .orderBy(sql`${capacityChange.at} desc`)
      .limit(1),
    spentToday(db, clusterId),
    databaseTime(db),
  ]);
  const observed = ObservedCluster.pick({ pending: true }).safeParse(rest);
  const health = healthOf(row, now);
  return {
    /** Of the cluster itself: an agent that speaks may be without its Ray. */
    lastSeenAt: health.silentSince ?? row?.lastSeenAt ?? null,
    isAway: health.agent === "away" || health.ray === "silent",
    nodes: capacity?.nodes ?? 0,
    starting: observed.success ? observed.data.pending.reduce((sum, { count }) => sum + count, 0) : 0,
    cpus: capacity?.cpus ?? 0,
    cpusWanted: capacity?.cpusWanted ?? 0,
    gpus: capacity?.gpus ?? 0,
    gpusWanted: capacity?.gpusWanted ?? 0,
    spent,
  };
}

/** Null where no node that was up today has a price. */
async function spentToday(db: Db, clusterId: string): Promise<Spent | null> {
  const { rows } = await db.execute<{
    amount: number;
    per_hour: number;
    is_known: boolean;
    is_whole: boolean;
    left_ms: number;
  }>(sql`
    with today as (select date_trunc('day', now(), 'UTC') as began)
    select coalesce(sum(n.price_per_hour * extract(epoch from
             coalesce(n.ended_at, now()) - greatest(n.started_at, today.began)) / 3600), 0)::float8 as amount,
           coalesce(sum(n.price_per_hour) filter (where n.ended_at is null), 0)::float8 as per_hour,
           count(n.price_per_hour) > 0 as is_known,
           coalesce(bool_and(n.price_per_hour is not null), true) as is_whole,
           (extract(epoch from min(today.began) + interval '1 day' - now()) * 1000)::float8 as left_ms
    from today left join node n on n.cluster_id = ${clusterId} and not n.is_head
      and (n.ended_at is null or n.ended_at > today.began)`);
  const [row] = rows;
  if (!row?.is_known) return null;
  return {
    amount: row.amount,
    perHour: row.per_hour,
    byMidnight: row.amount + (row.per_hour * row.left_ms) / HOUR_MS,
    isWhole: row.is_whole,
  };
}
