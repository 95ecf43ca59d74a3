/** SQL of what runs and ran on nodes, and what nodes cost. */
import { sql } from "drizzle-orm";
import type { Db } from "../platform/db";
import { rankSql } from "../runs/service";

export interface OccupantRow {
  kind: "run" | "session" | "replica";
  id: string;
  label: string;
  path: string;
  cpus: number;
  gpus: number;
  /** Null while it waits for a place. */
  nodeId: string | null;
  message: string | null;
  since: Date;
  teamId: string;
  /** Of a run that waits: how many workers its resources are for, and with how many it would begin. Else 1. */
  workers: number;
  least: number;
  /** Its place in the console's queue, from 1; null for what is let in. */
  queuePlace: number | null;
  /** Null for what is no run. */
  runKind: string | null;
  /** Where its run says so. */
  endsInSeconds: number | null;
}

/** What is added to the name and the address of a replica that does not serve production. */
const BESIDE = {
  words: sql`case p.environment when 'production' then '' else ' in ' || p.environment end`,
  query: sql`case p.environment when 'production' then '' else '?environment=' || p.environment end`,
};

/**
 * Everything that holds or asks for resources of a cluster: ranks of live attempts, sessions, replicas.
 *
 * @param teamId names what belongs to it; what belongs to others is counted without its name
 */
export async function listOccupants(
  db: Db,
  clusterId: string,
  teamId: string | null,
): Promise<OccupantRow[]> {
  const { rows } = await db.execute<Omit<OccupantRow, "since"> & { since: string }>(sql`
    select 'run' as kind, r.id, case when w.rank is null then 'run ' || r.number || ' (' || r.title || ')'
        else 'run ' || r.number || ', rank ' || w.rank end as label,
      'training/' || r.number as path,
      case when w.rank is null then (r.resources ->> 'cpus')::float8 * a.worker_count else (r.resources ->> 'cpus')::float8 end as cpus,
      case when w.rank is null then (r.resources ->> 'gpus')::float8 * a.worker_count else (r.resources ->> 'gpus')::float8 end as gpus,
      w."nodeId" as "nodeId", r.progress ->> 'message' as message, a.created_at as since, r.team_id as "teamId",
      r.kind as "runKind", (r.progress ->> 'etaSeconds')::float8 as "endsInSeconds",
      case when w.rank is null then a.worker_count else 1 end as workers,
      case when w.rank is null then coalesce((r.resources ->> 'minWorkers')::int, a.worker_count) else 1 end as least,
      case when a.state = 'placing' and a.admitted_at is null and r.pause_requested_at is null then (row_number() over (
        partition by a.state = 'placing' and a.admitted_at is null and r.pause_requested_at is null
        order by ${rankSql(sql`r.priority`, sql`a.state_since`)}, r.created_at, r.id))::int end as "queuePlace"
    from attempt a join run r on r.id = a.run_id
    left join lateral jsonb_to_recordset(a.workers) as w(rank int, "nodeId" text) on true
    where r.cluster_id = ${clusterId} and a.state in ('placing', 'starting', 'running') and r.stop_requested_at is null
    union all
    select 'session', s.id, 'the studio of ' || m.name || ' v' || v.number, 'models/' || m.name || '/v/' || v.number || '/studio',
      1, 0, s.node_id, s.message, s.created_at, s.team_id, null, null, 1, 1, null
    from studio_session s join version v on v.id = s.version_id join model m on m.id = v.model_id
    where s.cluster_id = ${clusterId} and s.state in ('opening', 'ready')
    union all
    select 'replica', p.id, 'a replica of ' || m.name || ' v' || v.number || ${BESIDE.words}, 'releases/' || m.name || ${BESIDE.query}, 0.1, 0, p.node_id, p.message,
      p.created_at, p.team_id, null, null, 1, 1, null
    from replica p join version v on v.id = p.version_id join model m on m.id = v.model_id
    where p.cluster_id = ${clusterId} and p.state in ('starting', 'ready') and p.undesired_at is null`);
  return rows.map((row) => ({
    ...row,
    since: new Date(row.since),
    ...(teamId !== null &&
      row.teamId !== teamId && { label: `a ${row.kind} of another team`, path: "", message: null }),
  }));
}

const among = (ids: readonly string[]) =>
  sql`(select json_array_elements_text(${JSON.stringify(ids)}::json))`;

/** How long each node was up by the pieces of its life, s, and what that cost at its price, $; null without one. */
export async function costsOfNodes(db: Db, clusterId: string, nodeIds: readonly string[]) {
  const { rows } = await db.execute<{
    id: string;
    nodeId: string;
    name: string;
    seconds: number;
    cost: number | null;
  }>(sql`
    select n.id, n.node_id as "nodeId", n.name, coalesce(u.seconds, 0) as seconds,
      n.price_per_hour * coalesce(u.seconds, 0) / 3600 as cost
    from node n left join lateral (
      select sum(extract(epoch from coalesce(i.until, greatest(now(), i.since)) - i.since))::float8 as seconds
      from node_interval i where i.cluster_id = n.cluster_id and i.node_id = n.node_id) u on true
    where n.cluster_id = ${clusterId} and n.node_id in ${among(nodeIds)} order by n.serial`);
  return rows;
}

export interface Work {
  kind: "run" | "session" | "replica";
  id: string;
  label: string;
  path: string;
  since: Date;
  until: Date | null;
}

/** What of a team ran on nodes, the newest first. */
export async function worksOn(
  db: Db,
  teamId: string,
  clusterId: string,
  nodeIds: readonly string[],
  limit: number,
): Promise<Work[]> {
  if (nodeIds.length === 0) return [];
  const ids = among(nodeIds);
  const { rows } = await db.execute<
    Omit<Work, "since" | "until"> & { since: string; until: string | null }
  >(sql`
    select 'run' as kind, r.id, 'run ' || r.number || ' (' || r.title || ')' as label, 'training/' || r.number as path,
      a.started_at as since, a.ended_at as until
    from attempt a join run r on r.id = a.run_id
    where r.team_id = ${teamId} and r.cluster_id = ${clusterId} and a.started_at is not null and exists (
      select from jsonb_to_recordset(a.workers) as w ("nodeId" text) where w."nodeId" in ${ids})
    union all
    select 'session', s.id, 'the studio of ' || m.name || ' v' || v.number, 'models/' || m.name || '/v/' || v.number || '/studio',
      s.created_at, null
    from studio_session s join version v on v.id = s.version_id join model m on m.id = v.model_id
    where s.team_id = ${teamId} and s.cluster_id = ${clusterId} and s.node_id in ${ids}
    union all
    select 'replica', p.id, 'a replica of ' || m.name || ' v' || v.number || ${BESIDE.words}, 'releases/' || m.name || ${BESIDE.query}, l.since, least(l.until, p.ended_at)
    from replica_placement l join replica p on p.id = l.replica_id
    join version v on v.id = p.version_id join model m on m.id = v.model_id
    where l.team_id = ${teamId} and l.cluster_id = ${clusterId} and l.node_id in ${ids}
    order by since desc limit ${limit}`);
  return rows.map((row) => ({
    ...row,
    since: new Date(row.since),
    until: row.until === null ? null : new Date(row.until),
  }));
}
