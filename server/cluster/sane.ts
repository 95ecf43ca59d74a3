/**
 * What agents tell that can't be true is dropped, value by value, and counted: a driver that answers nonsense for one
 * GPU takes nothing else with it. Pure.
 */
import type { ObservedCluster, Readings } from "../engine/contract";

/** Bounds that no machine reaches: beyond them it is a fault of a reading. */
const PERCENT_OF_A_CORE = 100 * 4096;
const BYTES = 2 ** 53;
const BYTES_PER_SECOND = 10e12 / 8;
const CELSIUS = 150;
/** The coldest that a sensor tells of; 0 K and -273 °C are how broken ones answer. */
const COLDEST = -50;
const WATTS = 5_000;
const AGE_MS = 366 * 86_400_000;
/** Nodes, GPUs or processes that ask: more is a fault of counting. */
const MOST = 1_000_000;

export interface Sane<T> {
  value: T;
  /** How many values were dropped. */
  dropped: number;
}

/** Keeps what lies between bounds and counts the rest. */
class Sieve {
  dropped = 0;

  /** Null where the value can't be, or is not known. */
  keep(value: number | null | undefined, least: number, most: number): number | null {
    if (value === null || value === undefined) return null;
    if (Number.isFinite(value) && value >= least && value <= most) return value;
    this.dropped += 1;
    return null;
  }

  /** As long as it should be, whatever came. */
  column(values: readonly (number | null)[], length: number, least: number, most: number): (number | null)[] {
    this.dropped += Math.abs(values.length - length);
    const kept: (number | null)[] = [];
    for (let i = 0; i < length; i += 1) kept.push(this.keep(values[i], least, most));
    return kept;
  }
}

export function saneReadings(told: Readings): Sane<Readings> {
  const sieve = new Sieve();
  const nodes = told.nodeIds.length;
  const gpus = told.gpus.node.length;
  const of = (values: Readings["cpuPercent"], most: number) => sieve.column(values, nodes, 0, most);
  const ofGpus = (values: Readings["cpuPercent"], most: number, least = 0) =>
    sieve.column(values, gpus, least, most);
  return {
    value: {
      nodeIds: told.nodeIds,
      cpuPercent: of(told.cpuPercent, PERCENT_OF_A_CORE),
      memoryBytes: of(told.memoryBytes, BYTES),
      diskBytes: of(told.diskBytes, BYTES),
      receivedBytesPerSecond: of(told.receivedBytesPerSecond, BYTES_PER_SECOND),
      sentBytesPerSecond: of(told.sentBytesPerSecond, BYTES_PER_SECOND),
      heartbeatAgeMs: of(told.heartbeatAgeMs, AGE_MS),
      gpus: {
        node: told.gpus.node,
        index: Array.from({ length: gpus }, (_, i) => told.gpus.index[i] ?? 0),
        percent: ofGpus(told.gpus.percent, 100),
        memoryBytes: ofGpus(told.gpus.memoryBytes, BYTES),
        celsius: ofGpus(told.gpus.celsius, CELSIUS, COLDEST),
        watts: ofGpus(told.gpus.watts, WATTS),
      },
    },
    dropped: sieve.dropped,
  };
}

/** Counts are never negative, and nothing has more in use than it has; what is told twice is taken once. */
export function saneCluster(told: ObservedCluster): Sane<ObservedCluster> {
  const sieve = new Sieve();
  const amount = (value: number, most = MOST) => sieve.keep(value, 0, most) ?? 0;
  const count = <T extends { count: number }>(item: T): T => ({ ...item, count: amount(item.count) });
  const shaped = <T extends { shape: Record<string, number>; count: number }>(item: T): T => ({
    ...count(item),
    shape: Object.fromEntries(
      Object.entries(item.shape).map(([name, value]) => [name, amount(value, BYTES)]),
    ),
  });
  const nodes = [...new Map(told.nodes.map((node) => [node.nodeId, node])).values()];
  sieve.dropped += told.nodes.length - nodes.length;
  const value = {
    nodes: nodes.map((node) => {
      const cpus = amount(node.cpus);
      const gpus = amount(node.gpus);
      return {
        ...node,
        cpus,
        cpusUsed: amount(node.cpusUsed, cpus),
        gpus,
        gpusUsed: amount(node.gpusUsed, gpus),
        gpuMemoryBytes: sieve.keep(node.gpuMemoryBytes, 0, BYTES),
        memoryBytes: Math.round(amount(node.memoryBytes, BYTES)),
        diskBytes: sieve.keep(node.diskBytes, 0, BYTES),
      };
    }),
    departed: told.departed,
    followsPools: told.followsPools,
    pending: told.pending.map(count).filter((item) => item.count > 0),
    failed: told.failed
      .map((item) => ({ ...count(item), retryInMs: sieve.keep(item.retryInMs, 0, AGE_MS) }))
      .filter((item) => item.count > 0),
    demands: told.demands.map(shaped).filter((item) => item.count > 0),
    groups: told.groups.map((group) => ({ ...group, bundles: group.bundles.map(shaped) })),
  };
  return { value, dropped: sieve.dropped };
}
