/** What is kept of what nodes use, in the order in which it is packed. Pure. */
import type { Readings } from "../../engine/contract";

export const NODE_METRICS = ["cpu", "memory", "disk", "received", "sent"] as const;
export const GPU_METRICS = ["gpu", "gpuMemory", "celsius", "watts"] as const;
/** Of a pool: sums of its nodes, but the mean of its GPUs' use and the hottest of them. */
export const POOL_METRICS = [...NODE_METRICS, ...GPU_METRICS] as const;
export type Metric = (typeof POOL_METRICS)[number];

/** A value for each metric; null where it is not known. */
export type Values = (number | null)[];

/** The place of a metric in the values of a node, from 0. @param gpu which, for what is told of each */
export function placeOf(metric: Metric, gpu = 0): number {
  const place = POOL_METRICS.indexOf(metric);
  return place < NODE_METRICS.length ? place : place + gpu * GPU_METRICS.length;
}

/** The values of each node, by its id: those of the node, then of each of its GPUs. */
export function valuesByNode(readings: Readings): Map<string, Values> {
  const { nodeIds, gpus } = readings;
  const all = nodeIds.map((_, i): Values => {
    const at = (column: Readings["cpuPercent"]) => column[i] ?? null;
    return [
      at(readings.cpuPercent),
      at(readings.memoryBytes),
      at(readings.diskBytes),
      at(readings.receivedBytesPerSecond),
      at(readings.sentBytesPerSecond),
    ];
  });
  gpus.node.forEach((node, i) => {
    const values = all[node];
    const first = placeOf("gpu", gpus.index[i]);
    // No machine has more; an index beyond that would only make room for nothing.
    if (!values || first > NODE_METRICS.length + 64 * GPU_METRICS.length) return;
    while (values.length < first) values.push(null);
    const columns = [gpus.percent, gpus.memoryBytes, gpus.celsius, gpus.watts];
    columns.forEach((column, k) => {
      values[first + k] = column[i] ?? null;
    });
  });
  return new Map(nodeIds.map((id, i) => [id, all[i] ?? []]));
}

const WHOLE = "";

/**
 * The values of each pool and of the whole under the name "".
 *
 * @param poolOf the pools of nodes by their ids; null for one that takes no work
 */
export function valuesByPool(
  nodes: ReadonlyMap<string, Values>,
  poolOf: ReadonlyMap<string, string | null>,
): Map<string, Values> {
  const pools = new Map<string, Values>();
  const gpus = new Map<string, number>();
  const take = (name: string, values: Values, gpusOf: number) => {
    const sums = pools.get(name) ?? POOL_METRICS.map(() => null);
    pools.set(name, sums);
    for (let place = 0; place < values.length; place += 1) {
      const value = values[place] ?? null;
      if (value === null) continue;
      const to = place < NODE_METRICS.length ? place : placeInPool(place);
      const had = sums[to] ?? null;
      sums[to] = had === null ? value : to === HOTTEST ? Math.max(had, value) : had + value;
    }
    gpus.set(name, (gpus.get(name) ?? 0) + gpusOf);
  };
  for (const [nodeId, values] of nodes) {
    const pool = poolOf.get(nodeId);
    if (typeof pool === "string") take(pool, values, known(values, GPU_USE));
  }
  for (const [pool, sums] of [...pools]) take(WHOLE, sums, gpus.get(pool) ?? 0);
  for (const [name, sums] of pools) {
    const sum = sums[GPU_USE] ?? null;
    if (sum !== null) sums[GPU_USE] = sum / Math.max(1, gpus.get(name) ?? 0);
  }
  return pools;
}

const GPU_USE = POOL_METRICS.indexOf("gpu");
const HOTTEST = POOL_METRICS.indexOf("celsius");

/** How many GPUs of a node tell of what is kept at this place of the first. */
function known(values: Values, first: number): number {
  let count = 0;
  for (let place = first; place < values.length; place += GPU_METRICS.length)
    if ((values[place] ?? null) !== null) count += 1;
  return count;
}

const placeInPool = (place: number) =>
  NODE_METRICS.length + ((place - NODE_METRICS.length) % GPU_METRICS.length);
