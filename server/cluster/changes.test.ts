import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Book } from "./changes";
import { byPlace, withChanges } from "./changes-contract";

interface Node {
  id: string;
  isHead: boolean;
  serial: number;
  state: string;
}
interface Rest {
  pending: number[];
  name: string;
}
type Shown = Rest & { revision: string; nodes: readonly Node[] };

interface Moment {
  /** Which of a few nodes are up, and how: one that has left may come back. */
  states: (string | null)[];
  pending: number[];
}
const moment: fc.Arbitrary<Moment> = fc.record({
  states: fc.array(fc.option(fc.constantFrom("active", "idle")), { minLength: 6, maxLength: 6 }),
  pending: fc.array(fc.integer({ min: 0, max: 2 }), { maxLength: 2 }),
});
const nodesOf = (states: readonly (string | null)[]): Node[] =>
  states
    .flatMap((state, serial) => (state ? [{ id: `n${serial}`, isHead: serial === 3, serial, state }] : []))
    .sort(byPlace);

function played(moments: readonly Moment[]) {
  const book = new Book<Node, Rest>("book");
  const shown: Shown[] = [];
  const show = (at: number) => {
    const { states = [], pending = [] } = moments[at] ?? {};
    const nodes = nodesOf(states);
    const rest = { pending, name: "local" };
    shown.push({ ...rest, nodes, revision: book.write(nodes, rest) });
  };
  return { book, shown, show };
}

describe("what changed of a cluster", () => {
  test("laid over what it was asked for is what was so then, whichever came first, was late, or never came", () => {
    fc.assert(
      fc.property(
        fc.array(moment, { minLength: 1, maxLength: 12 }),
        // Each asks at some moment with what it has, whatever others made of theirs meanwhile.
        fc.array(fc.tuple(fc.nat(11), fc.nat(11)), { maxLength: 20 }),
        (moments, asks) => {
          const { book, shown, show } = played(moments);
          moments.forEach((_, now) => {
            show(now);
            for (const [when, from] of asks) {
              const held = shown[from];
              if (when !== now || !held) continue;
              const changes = book.since(held.revision);
              if (!changes) throw new Error("it is still known");
              expect(withChanges<Node, Shown>(held, changes)).toEqual(shown[now]);
            }
          });
        },
      ),
    );
  });

  test("is only what differs, and nodes that did not change stay the same objects", () => {
    const states = Array.from({ length: 1_000 }, () => "active");
    const { book, shown, show } = played([
      { states, pending: [] },
      { states: states.with(500, "idle"), pending: [] },
    ]);
    show(0);
    show(1);
    const held = shown[0] as Shown;
    const changes = book.since(held.revision);
    expect(changes).toMatchObject({ nodes: [{ id: "n500", state: "idle" }], left: [], rest: {} });
    const now = withChanges<Node, Shown>(held, changes ?? expect.fail());
    expect(now.nodes.filter((node, place) => node !== held.nodes[place]).map(({ id }) => id)).toEqual([
      "n500",
    ]);
  });

  test("is not known of another book, of one to come, or before more has left than is remembered", () => {
    const many = Array.from({ length: 1_500 }, () => "active");
    const { book, shown, show } = played([
      { states: many, pending: [] },
      { states: many.slice(0, 100), pending: [] },
      { states: many.slice(0, 100), pending: [1] },
    ]);
    show(0);
    show(1);
    expect(book.since(shown[0]?.revision ?? "")).toBeNull();
    show(2);
    expect(book.since(shown[1]?.revision ?? "")).toMatchObject({
      nodes: [],
      left: [],
      rest: { pending: [1] },
    });
    for (const strange of ["other.1", "book.4", "book.x", "book.", "1", "book.-1", "book.1.5"])
      expect(book.since(strange)).toBeNull();
  });
});
