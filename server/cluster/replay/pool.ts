/** A pool within a replay: its nodes, how long they were up and busy. */
import { holds, type Shape } from "../why";
import type { PoolPlayed, ReplayPool } from "./demand";
import { type Place, Places, SLACK } from "./places";

export interface PlayedNode extends Place {
  pool: PlayedPool;
  /** How many joined before it. */
  number: number;
  /** Parts that run on it, since when there is any, and since when there is none. */
  parts: number;
  busySince: number;
  idleSince: number;
  upAt: number;
}

export class PlayedPool {
  readonly nodes = new Places<PlayedNode>();
  /** Nodes that nothing runs on. */
  idle = 0;
  /** Of all nodes that are up. */
  readonly free: Shape = { cpus: 0, gpus: 0 };
  starting = 0;
  /** How many nodes have ever joined. */
  joined = 0;
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
      ...{ pool: this, free: { ...this.of.size }, slot: 0, number: this.joined, parts: 0 },
      ...{ busySince: at, idleSince: at, upAt: at },
    };
    this.nodes.add(node);
    this.joined += 1;
    this.idle += 1;
    add(this.free, node.free, 1);
    return node;
  }

  /** Nothing runs on it. */
  leave(node: PlayedNode, at: number): void {
    this.nodes.remove(node);
    this.idle -= 1;
    add(this.free, node.free, -1);
    this.upMs += at - node.upAt;
  }

  take(node: PlayedNode, parts: number, shape: Shape, at: number): void {
    if (node.parts === 0) {
      node.busySince = at;
      this.idle -= 1;
    }
    node.parts += parts;
    add(node.free, shape, -parts);
    add(this.free, shape, -parts);
    this.nodes.touch(node);
  }

  give(node: PlayedNode, parts: number, shape: Shape, at: number): void {
    node.parts -= parts;
    add(node.free, shape, parts);
    add(this.free, shape, parts);
    if (node.parts === 0) {
      // Sums of fractions of CPUs do not come back to the whole.
      node.free.cpus = this.of.size.cpus;
      node.free.gpus = this.of.size.gpus;
      node.idleSince = at;
      this.idle += 1;
      this.busyMs += at - node.busySince;
    }
    this.nodes.touch(node);
  }

  /** What it was until `to`, nodes that are still up included. */
  played(to: number): PoolPlayed {
    const { name, pricePerHour } = this.of;
    const ofNodes = (since: (node: PlayedNode) => number) =>
      [...this.nodes].reduce((sum, node) => sum + to - since(node), 0);
    return {
      ...{ name, pricePerHour },
      upMs: this.upMs + ofNodes(({ upAt }) => upAt),
      busyMs: this.busyMs + ofNodes(({ parts, busySince }) => (parts > 0 ? busySince : to)),
    };
  }
}

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
  for (const { nodes } of pools)
    for (let node = nodes.next(shape, null); node; node = nodes.next(shape, node)) {
      const here = Math.min(left, holds(shape, node.free));
      taken.push([node, here]);
      left -= here;
      if (left === 0) return taken;
    }
  return null;
}
