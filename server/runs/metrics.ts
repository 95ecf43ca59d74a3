/** Charts: a range of steps and a width in pixels in, at most that many buckets a line out. Spikes survive. */
import { sql } from "drizzle-orm";
import type { z } from "zod";
import type { Db } from "../platform/db";
import { COARSE, FINE, type Level, type Point } from "./points/chunk";
import { type Cell, join, readGrid } from "./points/grid";
import { newestPoints } from "./points/read";
import type { Attempt, Run } from "./records";
import type { MetricsQuery } from "./screens";

export interface Bucket {
  /** The last step in the bucket, and when it was logged (Unix ms). */
  step: number;
  ts: number;
  n: number;
  /** Null where a value was not finite. */
  min: number | null;
  max: number | null;
  mean: number | null;
  last: number | null;
}
export interface Line {
  /** 0 when all ranks make one line. */
  rank: number;
  attempt: number;
  /** Steps that a later attempt did again from its checkpoint: drawn grey. */
  isEarlier: boolean;
  buckets: Bucket[];
}

/** What workers use of their nodes; reported by the ranks themselves, with seconds for steps. */
const USE = "worker/";
const USES = {
  cpuPercent: "cpu_percent",
  memoryBytes: "memory_bytes",
  gpuPercent: "gpu_percent",
  gpuMemoryBytes: "gpu_memory_bytes",
  sentBytesPerSecond: "sent_bytes_per_second",
  receivedBytesPerSecond: "received_bytes_per_second",
} as const;
const USE_POINTS = 60;

/** Holds for a series `s` that the work itself logged. */
export const isLogged = sql`not starts_with(s.name, ${USE})`;

export type Use = { rank: number } & Record<keyof typeof USES, number[]>;

/** The newest values of what each rank of an attempt uses, oldest first; empty where none is known. */
export async function readUse(db: Db, attemptId: string): Promise<Use[]> {
  const { rows } = await db.execute<{ id: number; rank: number; name: string }>(sql`
    select s.id::float8 as id, s.rank::int as rank, s.name from series s
    where s.attempt_id = ${attemptId} and starts_with(s.name, ${USE}) order by s.rank`);
  const ids = rows.map(({ id }) => id);
  const points = ids.length > 0 ? await newestPoints(db, ids, USE_POINTS) : new Map<number, Point[]>();
  return [...new Set(rows.map((row) => row.rank))].map((rank) => {
    const of = (name: string) => {
      const row = rows.find((row) => row.rank === rank && row.name === `${USE}${name}`);
      return row ? (points.get(row.id) ?? []).map(({ value }) => value) : [];
    };
    return { rank, ...mapValues(USES, of) };
  });
}

const mapValues = <K extends string, V>(of: Record<K, string>, value: (name: string) => V) =>
  Object.fromEntries(Object.entries<string>(of).map(([key, name]) => [key, value(name)])) as Record<K, V>;

/** What a run logged: by name, with the ranks that did. */
export async function listSeries(db: Db, runId: string) {
  const { rows } = await db.execute<{ name: string; ranks: number[]; points: number; last_step: number }>(sql`
    select s.name, array_agg(distinct s.rank order by s.rank)::int[] as ranks,
           coalesce(sum(r.n), 0)::int as points, coalesce(max(r.last_step), 0)::float8 as last_step
    from series s left join rollup r on r.series_id = s.id
    where s.run_id = ${runId} and ${isLogged} group by s.name order by s.name`);
  return rows.map((r) => ({ name: r.name, ranks: r.ranks, points: r.points, lastStep: r.last_step }));
}

/** Steps a bucket of the answer holds, and which stored level it is made of (1: the points themselves). */
export function resolution(span: number, width: number): { level: Level; size: number } {
  const perBucket = Math.max(1, span / Math.max(1, width - 1));
  const level = perBucket >= COARSE ? COARSE : perBucket >= FINE ? FINE : 1;
  return { level, size: Math.ceil(perBucket / level) * level };
}

/** Where an attempt's steps stop counting: where the first later attempt started from. */
export function boundaries(attempts: readonly Pick<Attempt, "id" | "number" | "firstStep">[]) {
  return attempts.map((a) => ({
    id: a.id,
    number: a.number,
    until: Math.min(
      ...attempts.filter((b) => b.number > a.number).map((b) => b.firstStep ?? 0),
      Number.MAX_SAFE_INTEGER,
    ),
  }));
}

/** One metric of a run over a range, as lines of buckets. `level` is what they are made of. */
export async function readMetric(
  db: Db,
  run: Pick<Run, "id">,
  attempts: readonly Attempt[],
  query: z.infer<typeof MetricsQuery>,
): Promise<{ from: number; to: number; level: Level; series: Line[] }> {
  const { from, to } = await rangeOf(db, run, query);
  const { level, size } = resolution(to - from + 1, query.width);
  const { rows } = await db.execute<{ id: number; attempt: string; rank: number }>(sql`
    select s.id::float8 as id, s.attempt_id as attempt, s.rank::int as rank from series s
    where s.run_id = ${run.id} and s.name = ${query.name}`);
  const limits = new Map(boundaries(attempts).map((limit) => [limit.id, limit]));
  const asked = new Map(
    rows.flatMap(({ id, attempt, rank }) => {
      const limit = limits.get(attempt);
      return limit ? [[id, { ...limit, rank: query.byRank ? rank : 0 }] as const] : [];
    }),
  );
  const grids = [...asked].map(([series, { until }]) => ({ series, level, origin: 0, size, until }));
  const { cells, isCompacted } = await readGrid(db, "step", grids, { from, to });
  const lines = new Map<string, Omit<Line, "buckets"> & { cells: Map<number, Cell> }>();
  for (const cell of cells) {
    const of = asked.get(cell.series);
    if (!of) continue;
    const key = `${of.number} ${of.rank} ${cell.isBeyond}`;
    const line = lines.get(key) ?? {
      rank: of.rank,
      attempt: of.number,
      isEarlier: cell.isBeyond,
      cells: new Map<number, Cell>(),
    };
    lines.set(key, line);
    const there = line.cells.get(cell.cell);
    if (there) join(there, cell);
    else line.cells.set(cell.cell, cell);
  }
  const series = [...lines.values()]
    .sort((a, b) => a.attempt - b.attempt || a.rank - b.rank || Number(a.isEarlier) - Number(b.isEarlier))
    .map(({ cells, ...line }): Line => ({ ...line, buckets: bucketsOf([...cells.values()]) }));
  return { from, to, level: isCompacted ? FINE : level, series };
}

/** The steps that a query means, both included. */
async function rangeOf(db: Db, run: Pick<Run, "id">, query: z.infer<typeof MetricsQuery>) {
  const { rows } = await db.execute<{ lo: number | null; hi: number | null }>(sql`
    select min(r.bucket * ${COARSE}::int)::float8 as lo, max(r.last_step)::float8 as hi
    from series s join rollup r on r.series_id = s.id
    where s.run_id = ${run.id} and s.name = ${query.name}`);
  const end = query.to ?? rows[0]?.hi ?? 0;
  const from = query.last ? Math.max(0, end - query.last + 1) : (query.from ?? rows[0]?.lo ?? 0);
  return { from, to: Math.max(from, end) };
}

const bucketsOf = (cells: readonly Cell[]): Bucket[] =>
  [...cells]
    .sort((a, b) => a.step - b.step)
    .map(({ step, ts, n, min, max, sum, last }) => ({
      step,
      ts,
      n,
      min: finite(min),
      max: finite(max),
      mean: finite(sum / n),
      last: finite(last),
    }));

export const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);
