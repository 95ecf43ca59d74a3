/** SQL of what a replay is played with: who asked for room and had it, what nodes were up, how long a start takes. */
import { sql } from "drizzle-orm";
import type { Db } from "../../platform/db";
import type { Range } from "./demand";

const dated = ({ from, to }: Range) => ({ from: new Date(from), to: new Date(to) });
const ms = (column: string) => sql.raw(`(extract(epoch from ${column}) * 1000)::float8`);

export interface Work {
  kind: "run" | "session" | "replica";
  /** It waits in the console's queue until it is let in. */
  isQueued: boolean;
  priority: "low" | "normal" | "high";
  parts: number;
  cpus: number;
  gpus: number;
  /** Unix ms. */
  askedAt: number;
  /** Null for what never had room. */
  beganAt: number | null;
  /** Null while it goes on, or waits. */
  endedAt: number | null;
  nodeIds: string[];
}

/** Attempts, sessions and replicas of all teams that asked or ran within a time; a team is not told whose they were. */
export async function worksWithin(db: Db, clusterId: string, range: Range): Promise<Work[]> {
  const { from, to } = dated(range);
  const { rows } = await db.execute<{ [K in keyof Work]: Work[K] }>(sql`
    select * from (
      select 'run' as kind, r.kind in ('train', 'script') as "isQueued", r.priority, a.worker_count as parts,
        (r.resources ->> 'cpus')::float8 as cpus, (r.resources ->> 'gpus')::float8 as gpus,
        ${ms("a.created_at")} as "askedAt", ${ms("a.started_at")} as "beganAt", ${ms("a.ended_at")} as "endedAt",
        array(select w."nodeId" from jsonb_to_recordset(a.workers) as w ("nodeId" text)
          where w."nodeId" is not null) as "nodeIds"
      from attempt a join run r on r.id = a.run_id
      where r.cluster_id = ${clusterId} and a.created_at < ${to} and coalesce(a.ended_at, ${to}) > ${from}
      union all
      select 'session', false, 'normal', 1, 1, 0, ${ms("s.created_at")},
        case when s.node_id is not null then ${ms("s.created_at")} end,
        case when s.state in ('failed', 'closed') then ${ms("coalesce(s.closed_at, s.last_used_at)")} end,
        array_remove(array[s.node_id], null)
      from studio_session s where s.cluster_id = ${clusterId} and s.created_at < ${to}
        and (s.state in ('opening', 'ready') or coalesce(s.closed_at, s.last_used_at) > ${from})
      union all
      select 'replica', false, 'normal', 1, 0.1, 0, ${ms("p.created_at")}, ${ms("p.ready_at")},
        ${ms("least(p.ended_at, p.undesired_at)")},
        array(select l.node_id from replica_placement l where l.replica_id = p.id order by l.since)
      from replica p where p.cluster_id = ${clusterId} and p.created_at < ${to}
        and coalesce(least(p.ended_at, p.undesired_at), ${to}) > ${from}) works
    order by "askedAt"`);
  return rows;
}

export interface Piece {
  nodeId: string;
  pool: string;
  cpus: number;
  gpus: number;
  pricePerHour: number | null;
  state: "active" | "idle" | "draining";
  /** Unix ms; null while it lasts. */
  since: number;
  until: number | null;
  /** When it was decided to start the node; null where nobody decided, and for all but its first piece. */
  decidedAt: number | null;
}

/** The lives of nodes in pieces, the head's apart. */
export async function piecesWithin(db: Db, clusterId: string, range: Range): Promise<Piece[]> {
  const { from, to } = dated(range);
  const { rows } = await db.execute<{ [K in keyof Piece]: Piece[K] }>(sql`
    with decided as (
      select node_id, min(d.at) as at from scaling_decision d, unnest(d.node_ids) as node_id
      where d.cluster_id = ${clusterId} and d.direction = 'up' and d.cause = 'demand'
        and d.at > ${from}::timestamptz - interval '1 hour' and d.at < ${to} group by node_id)
    select n.node_id as "nodeId", n.pool, n.cpus, n.gpus, n.price_per_hour as "pricePerHour", i.state,
      ${ms("i.since")} as since, ${ms("i.until")} as until,
      case when i.since = n.started_at then ${ms("d.at")} end as "decidedAt"
    from node_interval i join node n on n.cluster_id = i.cluster_id and n.node_id = i.node_id
    left join decided d on d.node_id = n.node_id
    where i.cluster_id = ${clusterId} and not n.is_head and i.since < ${to}
      and coalesce(i.until, ${to}) > ${from} order by i.since`);
  return rows;
}

/** Seconds from a decision until its nodes were there, the middle one of each pool over the last 30 days. */
export async function startDelays(db: Db, clusterId: string): Promise<Map<string, number>> {
  const { rows } = await db.execute<{ pool: string; seconds: number }>(sql`
    select pool, percentile_cont(0.5) within group (order by extract(epoch from achieved_at - at)::float8) as seconds
    from scaling_decision where cluster_id = ${clusterId} and direction = 'up' and cause in ('demand', 'minimum')
      and achieved >= requested and achieved_at > at and at > now() - interval '30 days' group by pool`);
  return new Map(rows.map(({ pool, seconds }) => [pool, seconds]));
}

/** Since when anything is known of the cluster's nodes, Unix ms; null for nothing. */
export async function knownSince(db: Db, clusterId: string): Promise<number | null> {
  const { rows } = await db.execute<{ since: number | null }>(
    sql`select ${ms("min(since)")} as since from node_interval where cluster_id = ${clusterId}`,
  );
  return rows[0]?.since ?? null;
}
