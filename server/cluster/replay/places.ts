/**
 * Nodes of a pool, the oldest first, found by the room that they have. A tree whose branches know the most free CPUs and
 * GPUs below them: who asks looks at nodes that have room, not at those that are full.
 */
import type { Shape } from "../why";

export interface Place {
  free: Shape;
  /** Where it stands; its `Places` moves it. */
  slot: number;
}

/** Sums of fractions of CPUs. */
export const SLACK = 1e-6;
/** Less than any shape asks for. */
const GONE = -1;

export class Places<T extends Place> implements Iterable<T> {
  length = 0;
  /** In the order of their slots, with holes where nodes have left. */
  private items: (T | null)[] = [];
  /** Leaves of the tree, a power of two; the root is 1 and the branches below `i` are `2i` and `2i + 1`. */
  private width = 1;
  private cpus = new Float64Array(2).fill(GONE);
  private gpus = new Float64Array(2).fill(GONE);

  /** As the newest. */
  add(item: T): void {
    if (this.items.length === this.width) this.grow();
    item.slot = this.items.push(item) - 1;
    this.length += 1;
    this.set(item.slot, item.free.cpus, item.free.gpus);
  }

  remove({ slot }: T): void {
    this.items[slot] = null;
    this.length -= 1;
    this.set(slot, GONE, GONE);
  }

  /** Its room has changed. */
  touch({ slot, free }: T): void {
    this.set(slot, free.cpus, free.gpus);
  }

  /** The oldest after `before` that has room for at least one of the shape; null where none has. */
  next({ cpus, gpus }: Shape, before: T | null): T | null {
    let at = this.width + (before ? before.slot + 1 : 0);
    if (at >= 2 * this.width) return null;
    for (;;) {
      const hasRoom = (this.cpus[at] ?? GONE) + SLACK >= cpus && (this.gpus[at] ?? GONE) + SLACK >= gpus;
      if (hasRoom && at >= this.width) return this.items[at - this.width] ?? null;
      if (hasRoom) {
        at *= 2;
        continue;
      }
      // Past this branch: up for as long as it was the right one, then to its neighbour.
      while (at % 2 === 1) at = (at - 1) / 2;
      if (at === 0) return null;
      at += 1;
    }
  }

  *[Symbol.iterator](): Iterator<T> {
    for (const item of this.items) if (item) yield item;
  }

  private set(slot: number, cpus: number, gpus: number): void {
    let at = this.width + slot;
    this.cpus[at] = cpus;
    this.gpus[at] = gpus;
    for (at >>= 1; at > 0; at >>= 1) {
      const mostCpus = Math.max(this.cpus[2 * at] ?? GONE, this.cpus[2 * at + 1] ?? GONE);
      const mostGpus = Math.max(this.gpus[2 * at] ?? GONE, this.gpus[2 * at + 1] ?? GONE);
      if (this.cpus[at] === mostCpus && this.gpus[at] === mostGpus) return;
      this.cpus[at] = mostCpus;
      this.gpus[at] = mostGpus;
    }
  }

  /** Holes are closed, and where there are few of them the tree is made twice as wide. */
  private grow(): void {
    const items = [...this];
    while (2 * items.length > this.width) this.width *= 2;
    this.items = [];
    this.length = 0;
    this.cpus = new Float64Array(2 * this.width).fill(GONE);
    this.gpus = new Float64Array(2 * this.width).fill(GONE);
    for (const item of items) this.add(item);
  }
}
