/**
 * A cluster of any size that lives through days in minutes: nodes join, idle, drain and crash, demands come and go,
 * launches fail. Everything follows from its seed, and a fake agent tells it by the real protocol. Used by tests,
 * benches and screens under test; no product process starts it.
 */
import type { z } from "zod";
import type { ObservedNode, Readings } from "./contract";
import type { FakeAgent } from "./fake-agent";

type Node = z.infer<typeof ObservedNode>;

export interface Shape {
  nodes: number;
  gpus: number;
  seed: number;
  /** Events an hour for a thousand nodes: idle removals, drains and crashes. */
  churn: number;
}
const POOLS = ["gpu-a", "gpu-b"] as const;
const CPUS = 64;
const GIB = 2 ** 30;
const SECONDS_OF_DAY = 86_400;

/** Numbers from 0 to 1 that follow from the seed (mulberry32). */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Readings of nodes without GPUs; columns that are not given are unknown. */
export function readingsOf(
  nodeIds: string[],
  columns: Partial<Omit<Readings, "nodeIds" | "gpus">>,
): Readings {
  const unknown = nodeIds.map(() => null);
  return {
    ...{ nodeIds, cpuPercent: unknown, memoryBytes: unknown, diskBytes: unknown, heartbeatAgeMs: unknown },
    ...{ receivedBytesPerSecond: unknown, sentBytesPerSecond: unknown },
    gpus: { node: [], index: [], percent: [], memoryBytes: [], celsius: [], watts: [] },
    ...columns,
  };
}

export class FakeCluster {
  /** Seconds since it began. */
  seconds = 0;
  private readonly next: () => number;
  private made = 0;
  private starting = 0;
  private failures = 0;

  constructor(
    private readonly agent: FakeAgent,
    private readonly shape: Shape,
  ) {
    this.next = random(shape.seed);
    for (let i = 0; i < shape.nodes; i += 1) this.join();
  }

  /** Lives for so many seconds. Answers whether anything but readings changed. */
  live(seconds: number): boolean {
    this.seconds += seconds;
    const { agent, shape } = this;
    const happens = (anHour: number) => this.next() < (anHour * seconds * shape.nodes) / (3600 * 1000);
    let hasChanged = this.arrive();
    for (const reason of ["idle", "drained", "lost"] as const) {
      if (!happens(shape.churn)) continue;
      const node = this.pick();
      if (!node) continue;
      agent.leave(node.nodeId, reason);
      agent.departed = agent.departed.slice(-50);
      hasChanged = true;
    }
    if (happens(shape.churn)) hasChanged = this.turn() || hasChanged;
    const missing = shape.nodes - agent.nodes.size - this.starting;
    if (missing > 0) {
      this.starting += missing;
      this.ask(missing);
      hasChanged = true;
    }
    return hasChanged;
  }

  /** What its nodes use now: busier by day, each GPU a little different. */
  read(): Readings {
    const nodes = [...this.agent.nodes.values()];
    const day = 0.5 - 0.4 * Math.cos((2 * Math.PI * this.seconds) / SECONDS_OF_DAY);
    const load = nodes.map(() => Math.min(1, Math.max(0, day + 0.2 * (this.next() - 0.5))));
    const scaled = (most: number) => load.map((share) => Math.round(share * most));
    const gpus: Readings["gpus"] = {
      ...{ node: [], index: [], percent: [], memoryBytes: [], celsius: [], watts: [] },
    };
    load.forEach((share, node) => {
      for (let index = 0; index < this.shape.gpus; index += 1) {
        gpus.node.push(node);
        gpus.index.push(index);
        gpus.percent.push(Math.round(100 * Math.min(1, share + 0.05 * this.next())));
        gpus.memoryBytes.push(Math.round(share * 80) * GIB);
        gpus.celsius.push(Math.round(35 + 45 * share));
        gpus.watts.push(Math.round(80 + 600 * share));
      }
    });
    const readings = {
      nodeIds: nodes.map(({ nodeId }) => nodeId),
      cpuPercent: scaled(100 * CPUS),
      memoryBytes: scaled(512 * GIB),
      diskBytes: scaled(2_000 * GIB),
      receivedBytesPerSecond: scaled(10e9),
      sentBytesPerSecond: scaled(10e9),
      heartbeatAgeMs: scaled(900),
      gpus,
    };
    this.agent.readings = readings;
    return readings;
  }

  /** Nodes come a minute after they were asked for; of ten launches one fails, and is asked for again. */
  private arrive(): boolean {
    if (this.starting === 0 || this.next() > 0.3) return false;
    const arrived = this.starting;
    this.starting = 0;
    const { agent } = this;
    agent.pending = [];
    if (this.next() < 0.1) {
      this.failures += arrived;
      const message = "The provider has no more of these.";
      agent.failed = [{ pool: POOLS[0], count: this.failures, message, retryInMs: 30_000 }];
      return true;
    }
    this.failures = 0;
    Object.assign(agent, { failed: [], demands: [], groups: [] });
    for (let i = 0; i < arrived; i += 1) this.join();
    return true;
  }

  private ask(count: number): void {
    const shape = { CPU: 8, GPU: 1 };
    const owner = `run_${this.made}`;
    this.agent.pending = [{ pool: POOLS[0], count: this.starting, message: "Starting" }];
    this.agent.demands = [{ shape, count, owner }];
    this.agent.groups = [
      { id: `group-${this.made}`, owner, strategy: "SPREAD", bundles: [{ shape, count }] },
    ];
  }

  /** One becomes busy or idle. */
  private turn(): boolean {
    const node = this.pick();
    if (!node || node.state === "draining") return false;
    const isIdle = node.state === "active";
    this.agent.nodes.set(node.nodeId, {
      ...node,
      state: isIdle ? "idle" : "active",
      cpusUsed: isIdle ? 0 : CPUS,
      gpusUsed: isIdle ? 0 : this.shape.gpus,
    });
    return true;
  }

  private pick(): Node | undefined {
    const nodes = [...this.agent.nodes.values()];
    return nodes[Math.floor(this.next() * nodes.length)];
  }

  private join(): void {
    const { gpus } = this.shape;
    const number = this.made;
    this.made += 1;
    const node: Node = {
      nodeId: number.toString(16).padStart(56, "0"),
      pool: POOLS[number % POOLS.length] ?? POOLS[0],
      address: `10.${(number >> 16) & 255}.${(number >> 8) & 255}.${number & 255}`,
      ...{
        isHead: false,
        state: "active",
        cordoned: false,
        cpus: CPUS,
        cpusUsed: CPUS,
        gpus,
        gpusUsed: gpus,
      },
      gpuModel: gpus > 0 ? "NVIDIA H100 80GB HBM3" : null,
      gpuMemoryBytes: gpus > 0 ? 80 * GIB : null,
      memoryBytes: 1024 * GIB,
      diskBytes: 4_000 * GIB,
      labels: { "ray.io/availability-zone": `zone-${number % 3}` },
    };
    this.agent.nodes.set(node.nodeId, node);
  }
}
