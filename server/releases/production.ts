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

/** Of the version that serves, by model: since it does, and an hour at most. */
async function servedMinutes(db: Db, teamId: string): Promise<Map<string, ServedMinute[]>> {
  const { rows } = await db.execute<{
    modelId: string;
    at: string;
    requests: number;
    errors: number;
    p99Us: number;
  }>(sql`
    select s.model_id as "modelId", s.minute as at, sum(s.requests)::int as requests, sum(s.errors)::int as errors,
      max(s.p99_us)::int as "p99Us"
    from release r join serving_minute s on s.model_id = r.model_id and s.version_id = r.version_id
      and s.environment = r.environment
    where r.team_id = ${teamId} and r.environment = 'production' and r.state = 'serving'
      and s.minute > now() - interval '1 hour'
    group by s.model_id, s.minute order by s.minute`);
  const byModel = new Map<string, ServedMinute[]>();
  for (const { modelId, at, ...minute } of rows) {
    const held = byModel.get(modelId) ?? [];
    byModel.set(modelId, held);
    held.push({ at: new Date(at), ...minute });
  }
  return byModel;
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
