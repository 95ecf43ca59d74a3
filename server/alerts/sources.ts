/** Where the series of the catalogue are read: one function a kind, for all of its subjects and rules at once. */
import { sql } from "drizzle-orm";
import { defaultClusterId } from "../engine/service";
import type { Db } from "../platform/db";
import { watchedMetrics } from "../runs/service";
import type { Point } from "./judge";
import type { Preview, Series } from "./rule-contract";
import { usageLines } from "./usage-source";

/** One subject's points. */
export interface Line {
  id: string;
  name: string;
  /** Where it is seen whole, below the team. */
  path: string;
  /** Since when it could have had a point, Unix ms. */
  bornAt: number;
  points: Point[];
}
export interface Range {
  /** Unix ms. */
  from: number;
  to: number;
  stepSeconds: number;
}
export type Readings = (of: Pick<Preview, "series" | "metric">) => readonly Line[];

export type SourceName = "usage" | "cluster" | "gateway" | "replicas" | "metrics" | "waits" | "failures";
/** The cluster serves all teams. */
export const WHOLE_CLUSTER: ReadonlySet<SourceName> = new Set(["usage", "cluster"]);

const SOURCES: Readonly<Record<Series, SourceName>> = {
  ...{ "node.cpu": "usage", "node.gpu": "usage", "node.memory": "usage", "node.disk": "usage" },
  ...{ "pool.cpu": "usage", "pool.gpu": "usage", "pool.memory": "usage" },
  ...{ "cluster.cpu": "usage", "cluster.gpu": "usage", "cluster.memory": "usage" },
  ...{ "cluster.nodes": "cluster", "demand.waiting": "cluster", "agent.silence": "cluster" },
  ...{ "gateway.requests": "gateway", "gateway.errors": "gateway", "gateway.p99": "gateway" },
  ...{ "replicas.ready": "replicas", "run.metric": "metrics", "run.step_time": "metrics" },
  ...{ "run.queue_wait": "waits", "run.failures": "failures" },
};
export const sourceOf = (series: Series): SourceName => SOURCES[series];

type BySeries = Partial<Record<Series, Line[]>>;
const bySeries =
  (lines: BySeries): Readings =>
  ({ series }) =>
    lines[series] ?? [];

/** Reads one kind. @param metrics names that rules ask of runs */
export async function readSeries(
  db: Db,
  source: SourceName,
  teamId: string,
  range: Range,
  metrics: readonly string[],
): Promise<Readings> {
  if (source === "metrics") return metricLines(db, teamId, range, metrics);
  if (source === "usage") return bySeries(await usageLines(db, range));
  if (source === "cluster") return bySeries(await clusterLines(db, range));
  if (source === "gateway") return bySeries(await gatewayLines(db, teamId, range));
  if (source === "replicas") return bySeries({ "replicas.ready": await replicaLines(db, teamId, range) });
  if (source === "waits") return bySeries({ "run.queue_wait": await waitLines(db, teamId, range) });
  return bySeries({ "run.failures": [await failureLine(db, teamId, range)] });
}

const at = (ms: number) => sql`to_timestamp(${ms / 1000})`;
/** The moments at which something is counted. */
const ticks = ({ from, to, stepSeconds }: Range) =>
  sql`generate_series(${at(from)}, ${at(to)}, make_interval(secs => ${stepSeconds}))`;
const ms = (column: string) => sql.raw(`(extract(epoch from ${column}) * 1000)::float8`);

async function clusterLines(db: Db, range: Range): Promise<BySeries> {
  const clusterId = await defaultClusterId(db);
  const { rows } = await db.execute<{ at: number; nodes: number | null; waiting: number }>(sql`
    with open as materialized (
      select since, until, count from demand_interval
      where cluster_id = ${clusterId} and since <= ${at(range.to)} and (until is null or until > ${at(range.from)}))
    select ${ms("t")} as at,
      (select nodes from capacity_change c where c.cluster_id = ${clusterId} and c.at <= t order by c.at desc limit 1) as nodes,
      (select coalesce(sum(count), 0)::int from open where since <= t and (until is null or until > t)) as waiting
    from ${ticks(range)} t order by t`);
  const heard = await db.execute<{ since: number }>(sql`
    select ${ms("least(last_seen_at, silent_since)")} as since from cluster
    where id = ${clusterId} and last_seen_at is not null`);
  const since = heard.rows[0]?.since;
  const line = (points: Point[]): Line[] => [
    { id: "cluster", name: "the cluster", path: "/cluster", bornAt: range.from, points },
  ];
  return {
    "cluster.nodes": line(
      rows.flatMap((row) => (row.nodes === null ? [] : [{ at: row.at, value: row.nodes }])),
    ),
    "demand.waiting": line(rows.map((row) => ({ at: row.at, value: row.waiting }))),
    // How long it had been silent at each moment of the silence that lasts; those before are not kept.
    "agent.silence":
      since === undefined
        ? []
        : line(
            [...rows.map((row) => row.at), range.to].map((moment) => ({
              at: moment,
              value: Math.max(0, (moment - since) / 1000),
            })),
          ),
  };
}

const MINUTE_MS = 60_000;

async function gatewayLines(db: Db, teamId: string, range: Range): Promise<BySeries> {
  const [lanes, minutes] = await Promise.all([
    lanesOf(db, teamId),
    db.execute<{ lane: string; at: number; requests: number; errors: number; p99: number }>(sql`
      select s.model_id || '.' || s.environment as lane, ${ms("s.minute")} as at, sum(s.requests)::int as requests,
        sum(s.errors)::int as errors, max(s.p99_us)::float8 / 1000 as p99
      from serving_minute s
      where s.team_id = ${teamId} and s.minute >= ${at(range.from - MINUTE_MS)} and s.minute < date_trunc('minute', ${at(range.to)})
      group by 1, s.minute order by s.minute`),
  ]);
  const lines = (pick: (row: (typeof minutes.rows)[number]) => number | null) =>
    lanes.map((lane) => ({
      ...lane,
      points: minutes.rows.flatMap((row): Point[] => {
        const value = row.lane === lane.id ? pick(row) : null;
        return value === null ? [] : [{ at: row.at + MINUTE_MS, value }];
      }),
    }));
  return {
    "gateway.requests": lines(({ requests }) => requests / 60).map((line) => withZeros(line, range)),
    "gateway.errors": lines(({ requests, errors }) => (requests > 0 ? (100 * errors) / requests : null)),
    "gateway.p99": lines(({ p99 }) => p99),
  };
}

/** A minute in which nobody asked has no row. */
function withZeros(line: Line, { from, to }: Range): Line {
  const known = new Set(line.points.map((point) => point.at));
  const points = [...line.points];
  const first = Math.ceil(Math.max(from, line.bornAt) / MINUTE_MS) * MINUTE_MS;
  for (let moment = first; moment <= to; moment += MINUTE_MS)
    if (!known.has(moment)) points.push({ at: moment, value: 0 });
  return { ...line, points };
}

/** What serves: a model in each of its environments. */
async function lanesOf(db: Db, teamId: string): Promise<Omit<Line, "points">[]> {
  const { rows } = await db.execute<{ id: string; model: string; environment: string; born: number }>(sql`
    select r.model_id || '.' || r.environment as id, m.name as model, r.environment,
      ${ms("min(coalesce(r.serving_at, r.created_at))")} as born
    from release r join model m on m.id = r.model_id
    where r.team_id = ${teamId} and r.state = 'serving' group by r.model_id, m.name, r.environment order by 2, 3`);
  return rows.map(({ id, model, environment, born }) => ({
    ...{ id, bornAt: born },
    ...(environment === "production"
      ? { name: model, path: `/releases/${model}` }
      : { name: `${model} (${environment})`, path: `/releases/${model}?environment=${environment}` }),
  }));
}

async function replicaLines(db: Db, teamId: string, range: Range): Promise<Line[]> {
  const { rows } = await db.execute<{ id: string; name: string; at: number; ready: number }>(sql`
    select m.id, m.name, ${ms("t")} as at, count(p.id)::int as ready
    from (select distinct r.model_id from release r
          where r.team_id = ${teamId} and r.environment = 'production' and r.state = 'serving') served
    join model m on m.id = served.model_id cross join ${ticks(range)} t
    left join replica p on p.model_id = m.id and p.environment = 'production' and p.ready_at <= t and (p.ended_at is null or p.ended_at > t)
      and (p.undesired_at is null or p.undesired_at > t)
    group by m.id, m.name, t order by m.name, t`);
  const lines = new Map<string, Line>();
  for (const { id, name, at: moment, ready } of rows) {
    const line = lines.get(id) ?? { id, name, path: `/releases/${name}`, bornAt: range.from, points: [] };
    lines.set(id, line);
    line.points.push({ at: moment, value: ready });
  }
  return [...lines.values()];
}

const STEP_TIME = "train/step_time";

async function metricLines(
  db: Db,
  teamId: string,
  range: Range,
  names: readonly string[],
): Promise<Readings> {
  const found = await watchedMetrics(db, teamId, [...new Set([...names, STEP_TIME])], range.from);
  return ({ series, metric }) => {
    const wanted = series === "run.step_time" ? STEP_TIME : metric;
    return found
      .filter(({ name }) => name === wanted)
      .map(({ run, startedAt, points }) => ({
        ...{ id: String(run), name: `run ${run}`, path: `/training/${run}` },
        ...{ bornAt: startedAt.getTime(), points },
      }));
  };
}

async function waitLines(db: Db, teamId: string, { from, to }: Range): Promise<Line[]> {
  const { rows } = await db.execute<{ run: number; since: number; until: number | null }>(sql`
    select r.number as run, ${ms("a.created_at")} as since,
      case when a.state = 'placing' then null else ${ms("coalesce(a.started_at, a.ended_at, a.state_since)")} end as until
    from attempt a join run r on r.id = a.run_id
    where r.team_id = ${teamId} and a.created_at <= ${at(to)}
      and (a.state = 'placing' or coalesce(a.started_at, a.ended_at, a.state_since) > ${at(from)})
    order by r.number, a.number`);
  const lines = new Map<number, Line>();
  for (const { run, since, until } of rows) {
    const line = lines.get(run) ?? {
      ...{ id: String(run), name: `run ${run}`, path: `/training/${run}`, bornAt: since, points: [] },
    };
    lines.set(run, line);
    for (let moment = Math.max(from, since); moment < (until ?? to); moment += MINUTE_MS)
      line.points.push({ at: moment, value: (moment - since) / MINUTE_MS });
    line.points.push(until === null ? { at: to, value: (to - since) / MINUTE_MS } : { at: until, value: 0 });
  }
  return [...lines.values()];
}

async function failureLine(db: Db, teamId: string, range: Range): Promise<Line> {
  const { rows } = await db.execute<{ at: number; failed: number }>(sql`
    with failed as materialized (
      select ended_at from run where team_id = ${teamId} and state = 'failed'
        and ended_at > ${at(range.from)} - interval '1 hour')
    select ${ms("t")} as at, (select count(*)::int from failed where ended_at <= t and ended_at > t - interval '1 hour') as failed
    from ${ticks(range)} t order by t`);
  return {
    ...{ id: "team", name: "the team", path: "/training?kind=all&state=failed", bornAt: range.from },
    points: rows.map((row) => ({ at: row.at, value: row.failed })),
  };
}
