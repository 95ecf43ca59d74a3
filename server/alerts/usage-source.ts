/** What nodes use, in percent of what they have: each, by pool, and all together. */
import { sql } from "drizzle-orm";
import { defaultClusterId } from "../engine/service";
import type { Db } from "../platform/db";
import type { Point } from "./judge";
import type { Series } from "./rule-contract";
import type { Line, Range } from "./sources";

interface Row extends Record<string, unknown> {
  id: string;
  name: string;
  pool: string;
  isHead: boolean;
  isGone: boolean;
  born: number;
  at: number | null;
  cpu: number | null;
  cpus: number;
  memory: number | null;
  memoryBytes: number;
  disk: number | null;
  diskBytes: number | null;
  /** The mean of its GPUs, %. */
  gpu: number | null;
  gpus: number;
}

/**
 * Minutes of all nodes in one query. A node without a reading is there with no points: what is absent must be told.
 * The head takes no work, so it counts for itself alone.
 */
export async function usageLines(
  db: Db,
  { from, to, stepSeconds }: Range,
): Promise<Partial<Record<Series, Line[]>>> {
  const clusterId = await defaultClusterId(db);
  const { rows } = await db.execute<Row>(sql`
    select n.id, n.name, n.pool, n.is_head as "isHead", n.state = 'gone' as "isGone",
      (extract(epoch from n.started_at) * 1000)::float8 as born, u.at, u.cpu, n.cpus, u.memory,
      n.memory_bytes::float8 as "memoryBytes", u.disk, (n.observed ->> 'diskBytes')::float8 as "diskBytes", u.gpu, n.gpus
    from node n left join lateral (
      select (floor(extract(epoch from at) / ${stepSeconds}::int) * ${stepSeconds}::int * 1000 + 60000)::float8 as at,
        avg(mean[1])::float8 as cpu, avg(mean[2])::float8 as memory, avg(mean[3])::float8 as disk,
        avg((select avg(mean[6 + 4 * g]) from generate_series(0, n.gpus::int - 1) g))::float8 as gpu
      from node_usage where serial = n.serial and level = 60
        and at >= to_timestamp(${from / 1000}) and at <= to_timestamp(${to / 1000}) group by 1) u on true
    where n.cluster_id = ${clusterId} and (n.ended_at is null or n.ended_at > to_timestamp(${from / 1000}))
    order by n.serial, u.at`);
  const nodes = new Shares();
  const pools = new Shares();
  const whole = new Shares();
  for (const row of rows) {
    const node = { id: row.id, name: row.name, path: `/cluster?node=${row.id}`, bornAt: row.born };
    if (!row.isGone) nodes.add(node, row);
    if (row.isHead) continue;
    pools.add({ id: row.pool, name: row.pool, path: "/cluster", bornAt: from }, row);
    whole.add({ id: "cluster", name: "the cluster", path: "/cluster", bornAt: from }, row);
  }
  return {
    ...{ "node.cpu": nodes.lines("cpu"), "node.gpu": nodes.lines("gpu") },
    ...{ "node.memory": nodes.lines("memory"), "node.disk": nodes.lines("disk") },
    ...{
      "pool.cpu": pools.lines("cpu"),
      "pool.gpu": pools.lines("gpu"),
      "pool.memory": pools.lines("memory"),
    },
    ...{ "cluster.cpu": whole.lines("cpu"), "cluster.gpu": whole.lines("gpu") },
    "cluster.memory": whole.lines("memory"),
  };
}

type Of = "cpu" | "gpu" | "memory" | "disk";
/** Used, and of how much, in the same measure. */
const measured: Record<Of, (row: Row) => [used: number | null, of: number]> = {
  cpu: ({ cpu, cpus }) => [cpu, 100 * cpus],
  gpu: ({ gpu, gpus }) => [gpu === null ? null : gpu * gpus, 100 * gpus],
  memory: ({ memory, memoryBytes }) => [memory, memoryBytes],
  disk: ({ disk, diskBytes }) => [disk, diskBytes ?? 0],
};

/** Subjects with what they use together at each moment. */
class Shares {
  private readonly subjects = new Map<
    string,
    { line: Omit<Line, "points">; gpus: number; at: Map<number, Record<Of, { used: number; of: number }>> }
  >();

  add(line: Omit<Line, "points">, row: Row): void {
    const subject = this.subjects.get(line.id) ?? { line, gpus: 0, at: new Map() };
    this.subjects.set(line.id, subject);
    subject.gpus += row.gpus;
    if (row.at === null) return;
    const sums = subject.at.get(row.at) ?? { cpu: none(), gpu: none(), memory: none(), disk: none() };
    subject.at.set(row.at, sums);
    for (const what of ["cpu", "gpu", "memory", "disk"] as const) {
      const [used, has] = measured[what](row);
      if (used === null || has <= 0) continue;
      sums[what].used += used;
      sums[what].of += has;
    }
  }

  /** In percent. What has no GPU has no line of its GPUs: none is absent. */
  lines(of: Of): Line[] {
    return [...this.subjects.values()]
      .filter(({ gpus }) => of !== "gpu" || gpus > 0)
      .map(({ line, at }) => ({
        ...line,
        points: [...at].flatMap(([moment, sums]): Point[] =>
          sums[of].of > 0 ? [{ at: moment, value: (100 * sums[of].used) / sums[of].of }] : [],
        ),
      }));
  }
}
const none = () => ({ used: 0, of: 0 });
