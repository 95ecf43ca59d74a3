/** What was used: the newest readings of each node, and courses at the width of a chart. */
import { and, eq, sql } from "drizzle-orm";
import { usageOpen } from "../../../db/schema/cluster";
import { Readings } from "../../engine/contract";
import type { Db } from "../../platform/db";
import { LEVELS, type Of } from "./ingest";
import { GPU_METRICS, type Metric, POOL_METRICS, placeOf } from "./metrics";

export interface GpuReading {
  index: number;
  percent: number | null;
  memoryBytes: number | null;
  celsius: number | null;
  watts: number | null;
}
export interface NodeReading {
  cpuPercent: number | null;
  memoryUsedBytes: number | null;
  diskUsedBytes: number | null;
  receivedBytesPerSecond: number | null;
  sentBytesPerSecond: number | null;
  /** How long ago the node itself was heard when this was told. */
  heartbeatAgeMs: number | null;
  gpuReadings: GpuReading[];
}
export const UNREAD: NodeReading = {
  ...{ cpuPercent: null, memoryUsedBytes: null, diskUsedBytes: null, heartbeatAgeMs: null },
  ...{ receivedBytesPerSecond: null, sentBytesPerSecond: null, gpuReadings: [] },
};

/** The newest of each node by Ray's id, and when they were taken. */
export async function latestReadings(
  db: Db,
  clusterId: string,
): Promise<{ at: Date | null; of: Map<string, NodeReading> }> {
  const [row] = await db
    .select({ latest: usageOpen.latest, at: usageOpen.latestAt })
    .from(usageOpen)
    .where(and(eq(usageOpen.clusterId, clusterId), eq(usageOpen.of, "node")));
  if (!row?.latest) return { at: null, of: new Map() };
  const told = Readings.parse(JSON.parse(row.latest));
  const nodes = told.nodeIds.map(
    (_, i): NodeReading => ({
      cpuPercent: told.cpuPercent[i] ?? null,
      memoryUsedBytes: told.memoryBytes[i] ?? null,
      diskUsedBytes: told.diskBytes[i] ?? null,
      receivedBytesPerSecond: told.receivedBytesPerSecond[i] ?? null,
      sentBytesPerSecond: told.sentBytesPerSecond[i] ?? null,
      heartbeatAgeMs: told.heartbeatAgeMs[i] ?? null,
      gpuReadings: [],
    }),
  );
  const { gpus } = told;
  gpus.node.forEach((place, i) => {
    nodes[place]?.gpuReadings.push({
      index: gpus.index[i] ?? 0,
      percent: gpus.percent[i] ?? null,
      memoryBytes: gpus.memoryBytes[i] ?? null,
      celsius: gpus.celsius[i] ?? null,
      watts: gpus.watts[i] ?? null,
    });
  });
  return { at: row.at, of: new Map(told.nodeIds.map((id, i) => [id, nodes[i] ?? UNREAD])) };
}

/** For so long fine rows are kept; coarse ones for `KEEP_COARSE_DAYS`. */
export const KEEP_FINE_HOURS = 48;
export const KEEP_COARSE_DAYS = 90;

export interface Course {
  metric: Metric;
  /** Which GPU of a node; null for what a node or a pool has once. */
  gpu: number | null;
  points: { at: number; mean: number; peak: number }[];
}
interface Range {
  /** Unix milliseconds. */
  from: number;
  to: number;
  /** At most as many points. */
  width: number;
}

/** The finest rows that are still there for all of a range, and how many seconds a point of the chart holds. */
export function resolution(of: Of, { from, to, width }: Range, now: number): { level: number; step: number } {
  const { fine, coarse } = LEVELS[of];
  const seconds = Math.max(1, (to - from) / 1000 / width);
  const isKept = from >= now - KEEP_FINE_HOURS * 3_600_000;
  const level = isKept && seconds < coarse ? fine : coarse;
  return { level, step: Math.ceil(seconds / level) * level };
}

/**
 * Courses at the width of a chart: each point the mean and the peak of what it covers, so that a spike stays. Where
 * nothing was known there is no point.
 *
 * @param of a node by its serial and how many GPUs it has, or a pool; "" is all of them
 */
export async function readCourses(
  db: Db,
  of: { serial: number; gpus: number } | { clusterId: string; pool: string },
  metrics: readonly Metric[],
  range: Range,
  now = Date.now(),
): Promise<{ step: number; courses: Course[] }> {
  const isNode = "serial" in of;
  const { level, step } = resolution(isNode ? "node" : "pool", range, now);
  const wanted = metrics.flatMap((metric): { metric: Metric; gpu: number | null; place: number }[] => {
    if (!isNode) return [{ metric, gpu: null, place: POOL_METRICS.indexOf(metric) }];
    if (!GPU_METRICS.some((name) => name === metric)) return [{ metric, gpu: null, place: placeOf(metric) }];
    return Array.from({ length: of.gpus }, (_, gpu) => ({ metric, gpu, place: placeOf(metric, gpu) }));
  });
  const whose = isNode
    ? sql`node_usage where serial = ${of.serial}`
    : sql`pool_usage where cluster_id = ${of.clusterId} and pool = ${of.pool}`;
  const columns = wanted.map(
    ({ place }) => sql`avg(mean[${place + 1}::int])::float8, max(peak[${place + 1}::int])::float8`,
  );
  const { rows } = await db.execute<{ at: string; found: (number | null)[] }>(sql`
    select floor(extract(epoch from at) / ${step})::bigint * ${step}::bigint as at,
      array[${columns.length > 0 ? sql.join(columns, sql`, `) : sql`null::float8`}] as found
    from ${whose} and level = ${level}
      and at >= to_timestamp(${range.from / 1000 - step}) and at <= to_timestamp(${range.to / 1000})
    group by 1 order by 1`);
  const courses = wanted.map(({ metric, gpu }, i) => ({
    metric,
    gpu,
    points: rows.flatMap(({ at, found }) => {
      const mean = found[2 * i];
      const peak = found[2 * i + 1];
      return typeof mean === "number" && typeof peak === "number"
        ? [{ at: Number(at) * 1000, mean, peak }]
        : [];
    }),
  }));
  return { step, courses };
}
