/** Read models of the release pages: joins across slices' tables, no rules. */
import { sql } from "drizzle-orm";
import type { DatasetTask } from "../datasets/contract";
import type { Db } from "../platform/db";
import type { Environment, RequestState } from "./contract";
import type { LaneKey } from "./lane";

export interface LaneRow extends LaneKey {
  model: string;
  releaseId: string | null;
  revision: number | null;
  since: Date | null;
  version: number | null;
  digest: string | null;
  ready: number;
  desired: number;
  /** Its scaling lets it go without replicas. */
  maySleep: boolean;
  preparing: {
    revision: number;
    version: number;
    state: "preparing" | "rolling_out";
    message: string;
    waits: string;
  } | null;
}

/** Lanes that serve, are about to, or did; of one environment or, production first, of both. */
export async function laneRows(db: Db, teamId: string, environment?: Environment): Promise<LaneRow[]> {
  const wanted = environment ? sql`and x.environment = ${environment}` : sql``;
  const { rows } = await db.execute<Omit<LaneRow, "since"> & { since: string | null }>(sql`
    select m.id as "modelId", m.name as model, l.environment, s.id as "releaseId", s.revision, s.serving_at as since,
      v.number as version, v.digest,
      (select count(*)::int from replica r where r.version_id = s.version_id and r.environment = s.environment
        and r.undesired_at is null and r.state = 'ready') as ready,
      (select count(*)::int from replica r where r.version_id = s.version_id and r.environment = s.environment
        and r.undesired_at is null and r.leaving_at is null) as desired,
      coalesce((select c.min = 0 from scaling c where c.model_id = m.id and c.environment = l.environment
        order by c.revision desc limit 1), l.environment = 'staging')
        as "maySleep",
      (select jsonb_build_object('revision', p.revision, 'version', pv.number, 'state', p.state, 'message', p.message, 'waits',
          coalesce((select r.message from replica r where r.version_id = p.version_id and r.environment = p.environment and r.undesired_at is null
            order by r.created_at desc limit 1), ''))
        from release p join version pv on pv.id = p.version_id
        where p.model_id = m.id and p.environment = l.environment and p.state in ('preparing', 'rolling_out')
        order by p.revision desc limit 1) as preparing
    from model m
    join (select distinct x.model_id, x.environment from release x where x.team_id = ${teamId} ${wanted}) l
      on l.model_id = m.id
    left join release s on s.model_id = m.id and s.environment = l.environment and s.state = 'serving'
    left join version v on v.id = s.version_id
    where m.team_id = ${teamId}
    order by l.environment, m.name`);
  return rows.map((row) => ({ ...row, since: row.since === null ? null : new Date(row.since) }));
}

export interface RequestRow extends LaneKey {
  id: string;
  number: number;
  state: RequestState;
  model: string;
  versionId: string;
  version: number;
  requestedBy: string;
  requestedById: string;
  createdAt: Date;
  /** Of the dataset that both are measured on. */
  task: DatasetTask;
  /** Candidate minus production, fraction. */
  difference: number | null;
  half: number | null;
  gatesPassed: number;
  gates: number;
}

/** Requests that wait first, then the newest. */
export async function requestRows(db: Db, teamId: string, limit: number): Promise<RequestRow[]> {
  const { rows } = await db.execute<Omit<RequestRow, "createdAt"> & { createdAt: string }>(sql`
    select q.id, q.number, q.state, q.model_id as "modelId", q.environment, m.name as model, q.version_id as "versionId",
      v.number as version, u.name as "requestedBy",
      q.requested_by as "requestedById", q.created_at as "createdAt",
      coalesce(q.evidence #>> '{evaluation,task}', d.report ->> 'task', 'classification') as task,
      (q.evidence #>> '{evaluation,paired,difference}')::float8 as difference,
      (q.evidence #>> '{evaluation,paired,halfWidth}')::float8 as half,
      jsonb_array_length(q.gates) as gates,
      (select count(*)::int from jsonb_array_elements(q.gates) g where not (g ->> 'blocks')::boolean) as "gatesPassed"
    from promotion_request q
    join model m on m.id = q.model_id join version v on v.id = q.version_id join "user" u on u.id = q.requested_by
    join dataset d on d.id = q.dataset_id and d.team_id = q.team_id
    where q.team_id = ${teamId}
    order by (q.state in ('measuring', 'open')) desc, q.created_at desc limit ${limit}`);
  return rows.map((row) => ({ ...row, createdAt: new Date(row.createdAt) }));
}

export interface TimelineRow extends LaneKey {
  id: string;
  model: string;
  revision: number;
  kind: "promotion" | "rollback" | "forward";
  state: "preparing" | "rolling_out" | "serving" | "replaced" | "failed";
  message: string;
  version: number;
  versionId: string;
  digest: string;
  fromVersion: number | null;
  by: string;
  request: number | null;
  /** Everybody whose approval it rests on. */
  approvedBy: string | null;
  /** Why it was released without approvals. */
  breakGlass: string | null;
  createdAt: Date;
  servingAt: Date | null;
  replacedAt: Date | null;
  /** From the start of the publishing transaction until the last gateway had applied it, ms; null before. */
  switchMs: number | null;
  rolledBackFrom: boolean;
}

/** A report later than this is a gateway that joined, not a slow switch. */
const JOINED_LATER_MS = 60_000;

/** Revisions, newest first; of one lane or of the whole team. */
export async function timelineRows(
  db: Db,
  teamId: string,
  options: { lane?: LaneKey; limit: number },
): Promise<TimelineRow[]> {
  const { lane } = options;
  const ofLane = lane ? sql`and l.model_id = ${lane.modelId} and l.environment = ${lane.environment}` : sql``;
  const { rows } = await db.execute<
    Omit<TimelineRow, "createdAt" | "servingAt" | "replacedAt"> & {
      createdAt: string;
      servingAt: string | null;
      replacedAt: string | null;
    }
  >(sql`
    select l.id, l.model_id as "modelId", l.environment, m.name as model, l.revision, l.kind, l.state, l.message,
      v.number as version, v.id as "versionId", v.digest, pv.number as "fromVersion",
      coalesce(u.name, l.created_by) as by, q.number as request, l.break_glass as "breakGlass",
      (select string_agg(au.name, ', ' order by a.created_at) from approval a join "user" au on au.id = a.approver_id
        where a.request_id = q.id and a.decision = 'approve' and a.policy_digest = q.policy_digest) as "approvedBy",
      l.created_at as "createdAt", l.serving_at as "servingAt", l.replaced_at as "replacedAt",
      l.rolled_back_from as "rolledBackFrom",
      (select greatest(0, max(g.applied_at_ms) - round(extract(epoch from t.created_at) * 1000))::int
        from route_table t join gateway_report g on g.revision = t.revision
        where t.revision = l.route_revision
          and g.applied_at_ms - extract(epoch from t.created_at) * 1000 < ${JOINED_LATER_MS}
        group by t.created_at) as "switchMs"
    from release l
    join model m on m.id = l.model_id join version v on v.id = l.version_id
    left join release pl on pl.id = l.previous_id left join version pv on pv.id = pl.version_id
    left join "user" u on u.id = l.created_by
    left join promotion_request q on q.id = l.request_id
    where l.team_id = ${teamId} ${ofLane}
    order by l.created_at desc, l.revision desc limit ${options.limit}`);
  const date = (text: string | null) => (text === null ? null : new Date(text));
  return rows.map((row) => ({
    ...row,
    createdAt: new Date(row.createdAt),
    servingAt: date(row.servingAt),
    replacedAt: date(row.replacedAt),
  }));
}

export interface TrafficRow extends LaneKey {
  versionId: string;
  version: number;
  requests: number;
  errors: number;
  perSecond: number;
  p50Us: number | null;
  p99Us: number | null;
}

/** What gateways counted in this minute and the one before, by version; of one environment or of both. */
export async function trafficRows(db: Db, teamId: string, environment?: Environment): Promise<TrafficRow[]> {
  const wanted = environment ? sql`and s.environment = ${environment}` : sql``;
  const { rows } = await db.execute<TrafficRow & Record<string, unknown>>(sql`
    select s.model_id as "modelId", s.environment, s.version_id as "versionId", v.number as version,
      sum(s.requests)::int as requests, sum(s.errors)::int as errors,
      sum(s.requests) / extract(epoch from now() - date_trunc('minute', now()) + interval '1 minute')::float8 as "perSecond",
      (array_agg(s.p50_us order by s.minute desc))[1] as "p50Us",
      (array_agg(s.p99_us order by s.minute desc))[1] as "p99Us"
    from serving_minute s join version v on v.id = s.version_id
    where s.team_id = ${teamId} and s.minute >= date_trunc('minute', now()) - interval '1 minute' ${wanted}
    group by s.model_id, s.environment, s.version_id, v.number`);
  return rows;
}

export interface MinutePoint {
  at: Date;
  version: number;
  requests: number;
  errors: number;
}

/** Requests by version and minute, of the last hour. */
export async function minuteRows(
  db: Db,
  teamId: string,
  { modelId, environment }: LaneKey,
): Promise<MinutePoint[]> {
  const { rows } = await db.execute<Omit<MinutePoint, "at"> & { at: string }>(sql`
    select s.minute as at, v.number as version, sum(s.requests)::int as requests, sum(s.errors)::int as errors
    from serving_minute s join version v on v.id = s.version_id
    where s.team_id = ${teamId} and s.model_id = ${modelId} and s.environment = ${environment}
      and s.minute > now() - interval '1 hour'
    group by s.minute, v.number order by s.minute`);
  return rows.map((row) => ({ ...row, at: new Date(row.at) }));
}

/** What serves production of each of these models, for lists elsewhere. A model without an entry serves nothing. */
export async function servingByModel(db: Db, teamId: string, modelIds: readonly string[]) {
  const { rows } = await db.execute<{
    modelId: string;
    versionNumber: number;
    state: "ready" | "starting" | "failed" | "asleep";
  }>(sql`
    select s.model_id as "modelId", v.number as "versionNumber",
      case when bool_or(r.state = 'ready') then 'ready' when bool_or(r.state = 'starting') then 'starting'
        when count(r.id) = 0 and (select c.min = 0 from scaling c where c.model_id = s.model_id and c.environment = s.environment
          order by c.revision desc limit 1) then 'asleep'
        else 'failed' end as state
    from release s join version v on v.id = s.version_id
    left join replica r on r.version_id = s.version_id and r.environment = s.environment and r.undesired_at is null
    where s.team_id = ${teamId} and s.environment = 'production' and s.state = 'serving'
      and s.model_id in (${sql.join(
        modelIds.map((id) => sql`${id}`),
        sql`, `,
      )})
    group by s.model_id, s.environment, v.number`);
  return new Map(rows.map(({ modelId, ...serving }) => [modelId, serving]));
}
