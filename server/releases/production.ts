/** What serves production right now and how it fares: the read model of the overview. */
import { sql } from "drizzle-orm";
import type { Db } from "../platform/db";
import { laneRows, trafficRows } from "./views";

export interface ServedMinute {
  at: Date;
  requests: number;
  errors: number;
  /** The slowest gateway's. */
  p99Us: number;
}
export interface ShadowSays {
  version: number;
  /** Of its requests since it began, those with answers of both versions, and those where both said the same. */
  compared: number;
  agreed: number;
}
export interface Served {
  modelId: string;
  model: string;
  version: number;
  since: Date;
  /** Replicas that answer, of those that shall. */
  ready: number;
  desired: number;
  /** The version that is being rolled out beside it. */
  rolling: number | null;
  /** How often a shadow, which answers the same requests, says the same: what moves here drifts. */
  shadow: ShadowSays | null;
  perSecond: number;
  p50Us: number | null;
  /** Of the last hour, ascending; a minute without a request has none. */
  minutes: ServedMinute[];
}

/** Models that serve, by name. */
export async function productionNow(db: Db, teamId: string): Promise<Served[]> {
  const [lanes, traffic, minutes, shadows] = await Promise.all([
    laneRows(db, teamId, "production"),
    trafficRows(db, teamId, "production"),
    servedMinutes(db, teamId),
    shadowsNow(db, teamId),
  ]);
  return lanes.flatMap((lane) => {
    if (lane.version === null || lane.since === null) return [];
    const now = traffic.find((row) => row.modelId === lane.modelId && row.version === lane.version);
    return [
      {
        modelId: lane.modelId,
        model: lane.model,
        version: lane.version,
        since: lane.since,
        ready: lane.ready,
        desired: lane.desired,
        rolling: lane.preparing?.state === "rolling_out" ? lane.preparing.version : null,
        shadow: shadows.get(lane.modelId) ?? null,
        perSecond: now?.perSecond ?? 0,
        p50Us: now?.p50Us ?? null,
        minutes: minutes.get(lane.modelId) ?? [],
      },
    ];
  });
}

/** Of the version that serves, by model: since it does, and an hour at most. A row a model: of fifty, 3,000 minutes. */
async function servedMinutes(db: Db, teamId: string): Promise<Map<string, ServedMinute[]>> {
  const { rows } = await db.execute<{ modelId: string; minutes: [number, number, number, number][] }>(sql`
    select model_id as "modelId", json_agg(json_build_array(at, requests, errors, p99_us) order by at) as minutes
    from (
      select s.model_id, extract(epoch from s.minute) * 1000 as at, sum(s.requests) as requests,
        sum(s.errors) as errors, max(s.p99_us) as p99_us
      from release r join serving_minute s on s.model_id = r.model_id and s.version_id = r.version_id
        and s.environment = r.environment
      where r.team_id = ${teamId} and r.environment = 'production' and r.state = 'serving'
        and s.minute > now() - interval '1 hour'
      group by s.model_id, s.minute) m
    group by model_id`);
  return new Map(
    rows.map(({ modelId, minutes }) => [
      modelId,
      minutes.map(([at, requests, errors, p99Us]) => ({ at: new Date(at), requests, errors, p99Us })),
    ]),
  );
}

/** What shadows that are asked now said so far, by model. */
async function shadowsNow(db: Db, teamId: string): Promise<Map<string, ShadowSays>> {
  const { rows } = await db.execute<ShadowSays & Record<"modelId", string> & Record<string, unknown>>(sql`
    select o.model_id as "modelId", v.number as version,
      coalesce(sum(m.compared), 0)::int as compared, coalesce(sum(m.agreed), 0)::int as agreed
    from rollout o
    join release r on r.id = o.release_id and r.environment = 'production'
    join version v on v.id = r.version_id
    left join shadow_minute m on m.model_id = r.model_id and m.version_id = r.version_id
      and m.environment = r.environment and m.minute >= date_trunc('minute', r.created_at)
    where o.team_id = ${teamId} and o.phase = 'shadow' and o.ended_at is null
    group by o.model_id, v.number`);
  return new Map(rows.map(({ modelId, ...says }) => [modelId, says]));
}
