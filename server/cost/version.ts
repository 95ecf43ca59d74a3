/** What a version cost to make, what it costs to serve, and what that saves against its parent. */
import { sql } from "drizzle-orm";
import { z } from "zod";
import { EvaluationResult } from "../models/contract";
import type { TeamContext } from "../platform/context";
import type { Db } from "../platform/db";
import { NotFound } from "../platform/errors";

/** What serving is read from. */
const SERVED_DAYS = 30;
/** Of fewer requests the cost of one says nothing. */
const ENOUGH_REQUESTS = 1_000;
const HOUR_MS = 3_600_000;

/** $ of what made a version; `over` where it ran on nodes without a price, so that it was more. */
interface Made {
  training: number;
  compression: number;
  sessions: number;
  over: boolean;
}

/**
 * Where the cost of a request comes from: what replicas took for what they answered, or, where it was not served
 * enough, the latency that was measured on one CPU, at that CPU's price.
 */
type Basis = "served" | "latency";

export async function costOfVersion(ctx: TeamContext, { versionId }: { versionId: string }) {
  const { db, teamId } = ctx;
  const line = await lineOf(db, teamId, versionId);
  const own = line.find(({ id }) => id === versionId);
  if (!own) throw new NotFound("There is no such version in this team.");
  const ids = own.parentId ? [own.id, own.parentId] : [own.id];
  const [works, served, latency, cpuHour] = await Promise.all([
    madeBy(
      db,
      teamId,
      line.map(({ id }) => id),
    ),
    servedOf(db, teamId, ids),
    latencyOf(db, teamId, own),
    priceOfCpu(db),
  ]);
  const others = new Map(works.filter(({ versionId: of }) => of !== own.id).map((one) => [one.work, one]));
  const ofOwn = works.filter(({ versionId: of }) => of === own.id);
  for (const { work } of ofOwn) others.delete(work);
  const request = requestCost(served.get(own.id), served.get(own.parentId ?? ""), latency, cpuHour);
  const requests = served.get(own.id)?.requests ?? 0;
  return {
    own: madeOf(ofOwn),
    /** Of all versions that it came from; null for one that came from none. */
    ancestors: line.length > 1 ? { ...madeOf([...others.values()]), versions: line.length - 1 } : null,
    parent: own.parentNumber,
    serving: {
      ...{ days: SERVED_DAYS, requests, cpuHour },
      /** $ of the replicas that are up; null where there is none, or one without a price. */
      perHour: served.get(own.id)?.perHour ?? null,
      ...request,
      /** $ over those requests; null where it is not known. */
      saved:
        request.parentPer1000 === null || request.per1000 === null || requests === 0
          ? null
          : ((request.parentPer1000 - request.per1000) * requests) / 1000,
    },
  };
}

const madeOf = (works: readonly Work[]): Made => {
  const of = (...kinds: string[]) =>
    works.filter(({ kind }) => kinds.includes(kind)).reduce((sum, { amount }) => sum + amount, 0);
  return {
    training: of("train", "script"),
    compression: of("compress"),
    sessions: of("session"),
    over: works.some(({ isOver }) => isOver),
  };
};

interface Served {
  requests: number;
  /** $ of its replicas in the days that are looked at; null where some had no price. */
  amount: number | null;
  perHour: number | null;
}
interface Measured {
  p50Ms: number;
  /** Of its parent, in interleaved pairs; null where it was not measured beside it. */
  parentP50Ms: number | null;
}
interface RequestCost {
  basis: Basis | null;
  /** $ of 1,000 requests. */
  per1000: number | null;
  parentPer1000: number | null;
}

/** Version and parent by one and the same basis: nothing is saved between two ways of counting. Pure. */
export function requestCost(
  own: Served | undefined,
  parent: Served | undefined,
  latency: Measured | null,
  cpuHour: number | null,
): RequestCost {
  const served = [own, parent].map((one) =>
    one?.amount != null && one.amount > 0 && one.requests >= ENOUGH_REQUESTS
      ? (one.amount / one.requests) * 1000
      : null,
  );
  // Milliseconds of one request are seconds of a thousand.
  const measured = [latency?.p50Ms, latency?.parentP50Ms].map((ms) =>
    ms == null || cpuHour === null ? null : (ms * 1000 * cpuHour) / HOUR_MS,
  );
  const of = ([per1000 = null, parentPer1000 = null]: (number | null)[], basis: Basis): RequestCost =>
    per1000 === null
      ? { basis: null, per1000: null, parentPer1000: null }
      : { basis, per1000, parentPer1000 };
  const isServed = served[0] != null;
  return isServed && (served[1] != null || measured[1] == null)
    ? of(served, "served")
    : of(measured, "latency");
}

interface Line {
  id: string;
  parentId: string | null;
  parentNumber: number | null;
}

/** The version and everything that it came from. */
async function lineOf(db: Db, teamId: string, versionId: string): Promise<Line[]> {
  const { rows } = await db.execute<Line & Record<string, unknown>>(sql`
    with recursive line (id) as (
      select ${versionId}::text
      union
      select of.id from line l join version v on v.id = l.id and v.team_id = ${teamId},
        lateral (values (v.parent_id), (v.merged_with_id)) of (id) where of.id is not null)
    select v.id, v.parent_id as "parentId", p.number as "parentNumber"
    from line l join version v on v.id = l.id and v.team_id = ${teamId} left join version p on p.id = v.parent_id`);
  return rows;
}

interface Work {
  versionId: string;
  kind: string;
  work: string;
  amount: number;
  isOver: boolean;
}

/**
 * Runs that made versions, with those that they went on from, and the studio sessions that led to them: a session on
 * the parent counts for the first version that was committed from it afterwards, so for one only.
 */
async function madeBy(db: Db, teamId: string, ids: readonly string[]): Promise<Work[]> {
  const { rows } = await db.execute<Work & Record<string, unknown>>(sql`
    with recursive made (version_id, run_id) as (
      select v.id, case v.origin when 'script' then (select id from run where team_id = ${teamId}
        and number = (v.provenance ->> 'loggedBy')::int) else v.run_id end
      from version v where v.team_id = ${teamId} and v.origin in ('train', 'compress', 'script')
        and v.id in (select json_array_elements_text(${JSON.stringify(ids)}::json))
      union
      select m.version_id, r.origin_id from made m join run r on r.id = m.run_id and r.origin_kind = 'continuation'
    ), sessions as (
      select m.version_id, s.id as work from made m join version v on v.id = m.version_id and v.origin = 'compress'
      join run r on r.id = m.run_id join studio_session s on s.version_id = v.parent_id and s.team_id = ${teamId}
      where s.created_at <= r.created_at and not exists (
        select from version earlier join run e on e.id = earlier.run_id where earlier.parent_id = v.parent_id
          and earlier.origin = 'compress' and e.created_at >= s.created_at and e.created_at < r.created_at))
    select w.version_id as "versionId", s.kind, s.work, sum(s.micros::float8) / 1e6 as amount,
      sum(s.unpriced_ms) > 0 as "isOver"
    from (select version_id, run_id as work from made union select version_id, work from sessions) w
    join spend s on s.work = w.work and s.team_id = ${teamId} and s.kind <> 'replica' group by 1, 2, 3`);
  return rows;
}

/** What versions answered in the last days, what their replicas took meanwhile, and what those that are up cost. */
async function servedOf(db: Db, teamId: string, ids: readonly string[]): Promise<Map<string, Served>> {
  const { rows } = await db.execute<Served & { id: string } & Record<string, unknown>>(sql`
    select v.id, coalesce(q.requests, 0)::float8 as requests,
      case when s.unpriced_ms > 0 then null else coalesce(s.amount, 0) end as amount, u.per_hour as "perHour"
    from version v
    left join lateral (select sum(requests) as requests from serving_minute where team_id = ${teamId}
      and model_id = v.model_id and version_id = v.id and minute >= now() - make_interval(days => ${SERVED_DAYS})) q on true
    left join lateral (select sum(micros::float8) / 1e6 as amount, sum(unpriced_ms) as unpriced_ms from spend
      where team_id = ${teamId} and kind = 'replica' and work = v.id
        and day >= (now() at time zone 'UTC' - make_interval(days => ${SERVED_DAYS}))::date) s on true
    left join lateral (
      select case when bool_and(n.price_per_hour is not null)
        then sum(n.price_per_hour * least(1, 0.1 / nullif(n.cpus, 0))) end as per_hour
      from replica p join node n on n.node_id = p.node_id and n.cluster_id = p.cluster_id
      where p.team_id = ${teamId} and p.version_id = v.id and p.state = 'ready' and p.undesired_at is null) u on true
    where v.team_id = ${teamId} and v.id in (select json_array_elements_text(${JSON.stringify(ids)}::json))`);
  return new Map(rows.map(({ id, ...served }) => [id, served]));
}

const Latencies = z.object({ latency: EvaluationResult.shape.latency });

/** At batch 1, of the newest evaluation beside its parent, else of the newest. */
async function latencyOf(db: Db, teamId: string, own: Line): Promise<Measured | null> {
  const { rows } = await db.execute<{ result: unknown; isBeside: boolean }>(sql`
    select result, baseline_version_id is not distinct from ${own.parentId}::text and ${own.parentId}::text is not null as "isBeside"
    from evaluation where team_id = ${teamId} and version_id = ${own.id} and jsonb_array_length(result -> 'latency') > 0
    order by 2 desc, created_at desc limit 1`);
  const [row] = rows;
  const found = Latencies.safeParse(row?.result).data?.latency.find(({ batch }) => batch === 1);
  if (!found) return null;
  return { p50Ms: found.p50Ms, parentP50Ms: row?.isBeside ? found.baselineP50Ms : null };
}

/** $ an hour of the dearest CPU; null where a pool has no price. */
async function priceOfCpu(db: Db): Promise<number | null> {
  const { rows } = await db.execute<{ price: number | null }>(sql`
    select case when bool_and(price_per_hour is not null)
      then max(price_per_hour / nullif((resources ->> 'CPU')::float8, 0)) end as price from pool`);
  return rows[0]?.price ?? null;
}
