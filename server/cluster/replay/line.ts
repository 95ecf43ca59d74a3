/** First in, first out, each step in constant time. */
export class Line<T> implements Iterable<T> {
  private items: T[] = [];
  private head = 0;

  get length(): number {
    return this.items.length - this.head;
  }

  /** The one that is `place` behind the first. */
  at(place: number): T | undefined {
    return this.items[this.head + place];
  }

  push(item: T): void {
    this.items.push(item);
  }

  shift(): T | undefined {
    const first = this.items[this.head];
    if (this.head < this.items.length) this.head += 1;
    if (2 * this.head > this.items.length) {
      this.items = this.items.slice(this.head);
      this.head = 0;
    }
    return first;
  }

  *[Symbol.iterator](): Iterator<T> {
    yield* this.items.slice(this.head);
  }
}
