/** A pool within a replay: its nodes, how long they were up and busy. */
import { holds, type Shape } from "../why";
import type { PoolPlayed, ReplayPool } from "./demand";

export interface PlayedNode {
  pool: PlayedPool;
  free: Shape;
  /** Parts that run on it, since when there is any, and since when there is none. */
  parts: number;
  busySince: number;
  idleSince: number;
  upAt: number;
}

export class PlayedPool {
  readonly nodes: PlayedNode[] = [];
  /** Of all nodes that are up. */
  readonly free: Shape = { cpus: 0, gpus: 0 };
  starting = 0;
  min = 0;
  max = 0;
  private upMs = 0;
  private busyMs = 0;

  constructor(readonly of: ReplayPool) {}

  /** Nodes that are up or under way. */
  get count(): number {
    return this.nodes.length + this.starting;
  }

  join(at: number): PlayedNode {
    const node = {
      ...{ pool: this, free: { ...this.of.size }, parts: 0 },
      ...{ busySince: at, idleSince: at, upAt: at },
    };
    this.nodes.push(node);
    add(this.free, node.free, 1);
    return node;
  }

  leave(node: PlayedNode, at: number): void {
    this.nodes.splice(this.nodes.indexOf(node), 1);
    add(this.free, node.free, -1);
    this.upMs += at - node.upAt;
  }

  take(node: PlayedNode, parts: number, shape: Shape, at: number): void {
    if (node.parts === 0) node.busySince = at;
    node.parts += parts;
    add(node.free, shape, -parts);
    add(this.free, shape, -parts);
  }

  give(node: PlayedNode, parts: number, shape: Shape, at: number): void {
    node.parts -= parts;
    add(node.free, shape, parts);
    add(this.free, shape, parts);
    if (node.parts > 0) return;
    // Sums of fractions of CPUs do not come back to the whole.
    node.free = { ...this.of.size };
    node.idleSince = at;
    this.busyMs += at - node.busySince;
  }

  /** What it was until `to`, nodes that are still up included. */
  played(to: number): PoolPlayed {
    const { name, pricePerHour } = this.of;
    const ofNodes = (since: (node: PlayedNode) => number) =>
      this.nodes.reduce((sum, node) => sum + to - since(node), 0);
    return {
      ...{ name, pricePerHour },
      upMs: this.upMs + ofNodes(({ upAt }) => upAt),
      busyMs: this.busyMs + ofNodes(({ parts, busySince }) => (parts > 0 ? busySince : to)),
    };
  }
}

const SLACK = 1e-6;

function add(to: Shape, { cpus, gpus }: Shape, times: number): void {
  to.cpus += times * cpus;
  to.gpus += times * gpus;
}

/**
 * Whether all parts would have room if room were not in pieces: a quick no spares a look at every node.
 *
 * @param more nodes of a pool that count besides those that are up
 */
export function mayHold(
  parts: number,
  shape: Shape,
  pools: readonly PlayedPool[],
  more: (pool: PlayedPool) => number,
): boolean {
  const has = { cpus: SLACK, gpus: SLACK };
  for (const pool of pools) {
    add(has, pool.free, 1);
    add(has, pool.of.size, more(pool));
  }
  return has.cpus >= parts * shape.cpus && has.gpus >= parts * shape.gpus;
}

const none = () => 0;

export type Taken = readonly (readonly [PlayedNode, number])[];

/** Where all parts find room on nodes that are up, the oldest first; null where they do not. */
export function placesFor(parts: number, shape: Shape, pools: readonly PlayedPool[]): Taken | null {
  const taken: [PlayedNode, number][] = [];
  let left = parts;
  if (!mayHold(parts, shape, pools, none)) return null;
  for (const pool of pools)
    for (const node of pool.nodes) {
      if (node.free.cpus + SLACK < shape.cpus || node.free.gpus + SLACK < shape.gpus) continue;
      const here = Math.min(left, holds(shape, node.free));
      taken.push([node, here]);
      left -= here;
      if (left === 0) return taken;
    }
  return null;
}
