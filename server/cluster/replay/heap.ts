/** What is due, the earliest first; of those at one time, the one that was added first. */
interface Due<T> {
  at: number;
  turn: number;
  item: T;
}

export class Heap<T> {
  private readonly items: Due<T>[] = [];
  private turns = 0;

  /** When the next is due; infinite when nothing is. */
  get nextAt(): number {
    return this.items[0]?.at ?? Number.POSITIVE_INFINITY;
  }

  add(at: number, item: T): void {
    const { items } = this;
    const due = { at, turn: this.turns, item };
    this.turns += 1;
    let place = items.push(due) - 1;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      const above = items[parent];
      if (!above || !isBefore(due, above)) break;
      items[place] = above;
      place = parent;
    }
    items[place] = due;
  }

  take(): T | undefined {
    const { items } = this;
    const first = items[0];
    const last = items.pop();
    if (first && last && items.length > 0) this.sink(last);
    return first?.item;
  }

  private sink(due: Due<T>): void {
    const { items } = this;
    let place = 0;
    for (;;) {
      const left = items[2 * place + 1];
      const right = items[2 * place + 2];
      const child = left && right && isBefore(right, left) ? right : left;
      if (!child || !isBefore(child, due)) break;
      items[place] = child;
      place = child === right ? 2 * place + 2 : 2 * place + 1;
    }
    items[place] = due;
  }
}

const isBefore = <T>(a: Due<T>, b: Due<T>) => a.at < b.at || (a.at === b.at && a.turn < b.turn);
