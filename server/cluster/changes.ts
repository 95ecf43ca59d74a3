/** Remembers since which revision each node and each part of the overview is as it is. Pure. */
import type { Changes, Placed } from "./changes-contract";

/** Whoever holds what was before so many departures reads everything again. */
const LEFT_AT_MOST = 1_000;

interface Known<T> {
  value: T;
  /** What it says, to be compared. */
  says: string;
  /** The revision that brought it. */
  at: number;
}

export class Book<Node extends Placed, Rest extends object> {
  private revision = 0;
  private nodes = new Map<string, Known<Node>>();
  private rest: { [Part in keyof Rest]?: Known<Rest[Part]> } = {};
  /** When each that has gone left; the oldest first. */
  private readonly left = new Map<string, number>();
  /** Before it more has left than is remembered. */
  private oldest = 0;

  /** @param name no other book has it, so that a revision of another is known as such */
  constructor(private readonly name: string) {}

  /** What is so now; each must have been read after the one before. Answers its revision. */
  write(nodes: readonly Node[], rest: Rest): string {
    const next = this.revision + 1;
    const nodesNow = new Map(nodes.map((node) => [node.id, known(this.nodes.get(node.id), node, next)]));
    const gone = [...this.nodes.keys()].filter((id) => !nodesNow.has(id));
    for (const id of nodesNow.keys()) this.left.delete(id);
    for (const id of gone) this.left.set(id, next);
    for (const [id, at] of this.left) {
      if (this.left.size <= LEFT_AT_MOST) break;
      this.left.delete(id);
      this.oldest = at;
    }
    this.nodes = nodesNow;
    for (const part in rest) this.rest[part] = known(this.rest[part], rest[part], next);
    this.revision = next;
    return this.named(next);
  }

  /** What differs from a revision; null where it is not known any more: everything is to be read. */
  since(revision: string): Changes<Node, Rest> | null {
    const cut = revision.lastIndexOf(".");
    const at = Number(revision.slice(cut + 1));
    if (revision.slice(0, cut) !== this.name || !(at >= this.oldest && at <= this.revision)) return null;
    const rest: Partial<Rest> = {};
    for (const part in this.rest) {
      const one = this.rest[part];
      if (one && one.at > at) rest[part] = one.value;
    }
    return {
      revision: this.named(this.revision),
      nodes: [...this.nodes.values()].filter((one) => one.at > at).map(({ value }) => value),
      left: [...this.left].filter(([, when]) => when > at).map(([id]) => id),
      rest,
    };
  }

  private named(revision: number): string {
    return `${this.name}.${revision}`;
  }
}

/** The same as before where it says the same. */
function known<T>(before: Known<T> | undefined, value: T, at: number): Known<T> {
  const says = JSON.stringify(value);
  return before?.says === says ? before : { value, says, at };
}
