/** Room that is spoken for within one look of the autoscaler: free on nodes that are up, and all of those under way. */
import { holds, type Shape } from "../why";
import type { PlayedNode, PlayedPool } from "./pool";

interface Asking {
  parts: number;
  shape: Shape;
  pools: readonly PlayedPool[];
}
/** Parts for which there is room. */
interface Found {
  on: Shape;
  parts: number;
  keep: (left: Shape) => void;
}
/** A pool as it was when the look began: what is started within it is room under way. */
interface Known {
  /** How many nodes had ever joined. */
  joined: number;
  underWay: number;
  /** What is left of nodes under way, for as many as were spoken for; the others are whole. */
  left: Shape[];
}

export class Rooms {
  private readonly of = new Map<PlayedPool, Known>();
  /** What is left of nodes that were spoken for; the others are as they are. */
  private readonly left = new Map<PlayedNode, Shape>();

  constructor(pools: readonly PlayedPool[]) {
    for (const pool of pools) this.of.set(pool, { joined: pool.joined, underWay: pool.starting, left: [] });
  }

  /**
   * Speaks for room for all parts and answers how many nodes of which pools have to be started for them; null, and
   * nothing is spoken for, where not all of them would find room. They are started before anybody claims again.
   */
  claim({ parts, shape, pools }: Asking): Map<PlayedPool, number> | null {
    const found: Found[] = [];
    let missing = parts;
    for (const pool of pools) {
      missing -= this.findUp(pool, shape, missing, found);
      missing -= this.findUnderWay(pool, shape, missing, 0, found);
    }
    const starts = new Map<PlayedPool, number>();
    for (const pool of pools) {
      const known = this.of.get(pool);
      const each = holds(shape, pool.of.size);
      if (!known || each === 0 || missing === 0) continue;
      const more = Math.min(Math.ceil(missing / each), pool.max - pool.count);
      if (more <= 0) continue;
      starts.set(pool, more);
      known.underWay += more;
      missing -= this.findUnderWay(pool, shape, missing, known.underWay - more, found);
    }
    if (missing > 0) {
      for (const [pool, more] of starts) this.forget(pool, more);
      return null;
    }
    for (const { on, parts: here, keep } of found)
      keep({ cpus: on.cpus - here * shape.cpus, gpus: on.gpus - here * shape.gpus });
    return starts;
  }

  private forget(pool: PlayedPool, more: number): void {
    const known = this.of.get(pool);
    if (known) known.underWay -= more;
  }

  /** Answers how many parts find room there. */
  private findUp(pool: PlayedPool, shape: Shape, parts: number, found: Found[]): number {
    const joined = this.of.get(pool)?.joined ?? 0;
    let here = 0;
    let node = parts > 0 ? pool.nodes.next(shape, null) : null;
    for (; node && node.number < joined && here < parts; node = pool.nodes.next(shape, node)) {
      const of = node;
      here += find(shape, this.left.get(of) ?? of.free, parts - here, found, (left) =>
        this.left.set(of, left),
      );
    }
    return here;
  }

  private findUnderWay(pool: PlayedPool, shape: Shape, parts: number, from: number, found: Found[]): number {
    const { underWay, left } = this.of.get(pool) ?? { underWay: 0, left: [] };
    if (holds(shape, pool.of.size) === 0) return 0;
    let here = 0;
    for (let i = from; i < underWay && here < parts; i += 1)
      here += find(shape, left[i] ?? pool.of.size, parts - here, found, (rest) => {
        left[i] = rest;
      });
    return here;
  }
}

function find(shape: Shape, on: Shape, parts: number, found: Found[], keep: Found["keep"]): number {
  const here = Math.min(parts, holds(shape, on));
  if (here > 0) found.push({ on, parts: here, keep });
  return here;
}
