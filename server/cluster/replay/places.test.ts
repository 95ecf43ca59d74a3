import fc from "fast-check";
import { expect, it } from "vitest";
import { holds } from "../why";
import { type Place, Places } from "./places";

interface Node extends Place {
  name: number;
}
const shape = fc.record({ cpus: fc.integer({ min: 0, max: 8 }), gpus: fc.integer({ min: 0, max: 2 }) });
const step = fc.oneof(
  fc.record({ what: fc.constant("join" as const), free: shape, which: fc.nat() }),
  fc.record({ what: fc.constantFrom("leave" as const, "change" as const), free: shape, which: fc.nat() }),
);

it("finds what has room, the oldest first, whoever came, left and changed", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), shape, (steps, wanted) => {
      const asked = { ...wanted, cpus: wanted.cpus + 1 };
      const places = new Places<Node>();
      let there: Node[] = [];
      for (const [name, { what, free, which }] of steps.entries()) {
        const one = there[which % Math.max(1, there.length)];
        if (what === "join") {
          const node = { name, slot: 0, free };
          there.push(node);
          places.add(node);
        } else if (one && what === "leave") {
          there = there.filter((other) => other !== one);
          places.remove(one);
        } else if (one) {
          one.free = free;
          places.touch(one);
        }
      }
      const found: number[] = [];
      for (let node = places.next(asked, null); node; node = places.next(asked, node)) found.push(node.name);
      expect(found).toEqual(there.filter(({ free }) => holds(asked, free) > 0).map(({ name }) => name));
      expect(places.length).toBe(there.length);
    }),
  );
});
