/** Batches that arrive while one is being written wait, and are then written together: one statement, one commit. */

interface Batch<T> {
  items: readonly T[];
  written: () => void;
  failed: (why: unknown) => void;
}

/** One writing at a time. How much waits is bounded by whoever admits batches. */
export class Gatherer<T> {
  private readonly waiting: Batch<T>[] = [];
  private isWriting = false;

  /** @param most items in one writing, unless a single batch holds more */
  constructor(
    private readonly write: (items: readonly T[]) => Promise<void>,
    private readonly most: number,
  ) {}

  get isIdle(): boolean {
    return !this.isWriting && this.waiting.length === 0;
  }

  /** Resolves once `items` are written, alone or with others. @throws what writing them alone throws */
  add(items: readonly T[]): Promise<void> {
    return new Promise((written, failed) => {
      this.waiting.push({ items, written, failed });
      if (!this.isWriting) void this.drain();
    });
  }

  private async drain(): Promise<void> {
    this.isWriting = true;
    while (this.waiting.length > 0) await this.settle(this.next());
    this.isWriting = false;
  }

  private next(): Batch<T>[] {
    let size = 0;
    let count = 0;
    for (const { items } of this.waiting) {
      size += items.length;
      if (count > 0 && size > this.most) break;
      count += 1;
    }
    return this.waiting.splice(0, count);
  }

  /** What can't be written together is written one by one, so that a refusal is heard by its own sender only. */
  private async settle(batches: readonly Batch<T>[]): Promise<void> {
    try {
      await this.write(batches.flatMap(({ items }) => items));
      for (const { written } of batches) written();
    } catch (why) {
      if (batches.length === 1) batches[0]?.failed(why);
      else for (const batch of batches) await this.settle([batch]);
    }
  }
}
