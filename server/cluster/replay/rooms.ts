/** Room that is spoken for within one look of the autoscaler: free on nodes that are up, and all of those under way. */
import { holds, type Shape } from "../why";
import type { PlayedPool } from "./pool";

interface Asking {
  parts: number;
  shape: Shape;
  pools: readonly PlayedPool[];
}

export class Rooms {
  private readonly of = new Map<PlayedPool, Shape[]>();

  constructor(pools: readonly PlayedPool[]) {
    for (const pool of pools) {
      const free = pool.nodes.filter((node) => node.free.cpus > 0 || node.free.gpus > 0);
      const rooms = free.map((node) => ({ ...node.free }));
      for (let i = 0; i < pool.starting; i += 1) rooms.push({ ...pool.of.size });
      this.of.set(pool, rooms);
    }
  }

  /**
   * Speaks for room for all parts and answers how many nodes of which pools have to be started for them; null, and
   * nothing is spoken for, where not all of them would find room.
   */
  claim({ parts, shape, pools }: Asking): Map<PlayedPool, number> | null {
    const taken: [Shape, number][] = [];
    let left = parts;
    for (const pool of pools)
      for (const room of this.of.get(pool) ?? []) {
        if (left === 0) break;
        const here = Math.min(left, holds(shape, room));
        if (here > 0) taken.push([room, here]);
        left -= here;
      }
    const starts = new Map<PlayedPool, number>();
    const fresh: [PlayedPool, Shape][] = [];
    for (const pool of pools) {
      const each = holds(shape, pool.of.size);
      for (let more = pool.max - pool.count; more > 0 && left > 0 && each > 0; more -= 1) {
        const room = { ...pool.of.size };
        const here = Math.min(left, each);
        taken.push([room, here]);
        fresh.push([pool, room]);
        starts.set(pool, (starts.get(pool) ?? 0) + 1);
        left -= here;
      }
    }
    if (left > 0) return null;
    for (const [room, here] of taken) {
      room.cpus -= here * shape.cpus;
      room.gpus -= here * shape.gpus;
    }
    for (const [pool, room] of fresh) this.of.get(pool)?.push(room);
    return starts;
  }
}
