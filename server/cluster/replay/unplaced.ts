/** What was let in and has no place yet, in the order in which it was let in. */
import { Heap } from "./heap";
import { Line } from "./line";
import type { PlayedPool } from "./pool";

export interface Placeable {
  parts: number;
  pools: readonly PlayedPool[];
  /** The same for all that ask for one shape of one kind of place. */
  key: string;
  state: "queued" | "admitted" | "placed" | "left";
}
interface Turn<T> {
  item: T;
  turn: number;
}
/** Of one key and as many parts: where the first finds no room, neither do the others. */
interface Alike<T> {
  key: string;
  parts: number;
  line: Line<Turn<T>>;
  /** Of those in line, the ones that still want a place. */
  wanting: number;
}

const isWanting = ({ state }: Placeable) => state === "admitted";

export class Unplaced<T extends Placeable> {
  /** How many want a place. */
  length = 0;
  private readonly alike = new Map<string, Alike<T>>();
  private turns = 0;

  add(item: T): void {
    const { key, parts } = item;
    const id = `${key} ${parts}`;
    const alike = this.alike.get(id) ?? { key, parts, line: new Line(), wanting: 0 };
    this.alike.set(id, alike);
    alike.line.push({ item, turn: this.turns });
    this.turns += 1;
    this.count(item, 1);
  }

  /** One of them wants a place no more. */
  leave(item: T): void {
    this.count(item, -1);
  }

  /** Where any of them could go. */
  get pools(): Set<PlayedPool> {
    const wanting = [...this.alike.values()].filter((alike) => alike.wanting > 0);
    return new Set(wanting.flatMap(({ line }) => line.at(0)?.item.pools ?? []));
  }

  /**
   * Offers each its turn. Where one finds no room, its like and what asks for more of the same are passed over: room
   * only becomes less meanwhile.
   *
   * @param finds whether it finds room
   */
  offer(finds: (item: T) => boolean): void {
    const next = new Heap<{ of: Alike<T>; place: number; item: T }>();
    const queue = (of: Alike<T>, from: number) => {
      for (let place = from; place < of.line.length; place += 1) {
        const one = of.line.at(place);
        if (one && isWanting(one.item)) return next.add(one.turn, { of, place, item: one.item });
      }
    };
    for (const of of this.alike.values()) {
      while (of.line.length > 0 && of.line.at(0)?.item.state !== "admitted") of.line.shift();
      if (of.wanting > 0) queue(of, 0);
    }
    /** The fewest parts of each key that found no room. */
    const unmet = new Map<string, number>();
    for (let one = next.take(); one; one = next.take()) {
      const { of, place, item } = one;
      if (of.parts >= (unmet.get(of.key) ?? Number.POSITIVE_INFINITY)) continue;
      if (finds(item)) queue(of, place + 1);
      else unmet.set(of.key, of.parts);
    }
  }

  /** Those that want a place, in order. */
  *[Symbol.iterator](): Iterator<T> {
    const all = [...this.alike.values()].flatMap(({ line }) => [...line]);
    for (const { item } of all.sort((a, b) => a.turn - b.turn)) if (isWanting(item)) yield item;
  }

  private count({ key, parts }: T, by: number): void {
    const alike = this.alike.get(`${key} ${parts}`);
    if (alike) alike.wanting += by;
    this.length += by;
  }
}
