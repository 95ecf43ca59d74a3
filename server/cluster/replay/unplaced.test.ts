import fc from "fast-check";
import { expect, it } from "vitest";
import { type Placeable, Unplaced } from "./unplaced";

interface Item extends Placeable {
  name: number;
}
const asked = fc.record({
  key: fc.constantFrom("a", "b"),
  parts: fc.integer({ min: 1, max: 4 }),
  leaves: fc.boolean(),
});
const rounds = fc.array(fc.record({ come: fc.array(asked, { maxLength: 6 }), room: fc.nat({ max: 8 }) }), {
  maxLength: 6,
});

it("offers each its turn in the order in which it came, and passes over what wants as much as found no room", () => {
  fc.assert(
    fc.property(rounds, (all) => {
      const unplaced = new Unplaced<Item>();
      let line: Item[] = [];
      let name = 0;
      for (const { come, room } of all) {
        for (const { key, parts, leaves } of come) {
          const item: Item = { key, parts, pools: [], state: "admitted", name };
          name += 1;
          unplaced.add(item);
          line.push(item);
          const first = line[0];
          if (!leaves || !first) continue;
          unplaced.leave(first);
          first.state = "left";
          line = line.slice(1);
        }
        // One after the other, each where there is room for it: what is alike can only be refused alike.
        let [there, left] = [room, room];
        const expected: Item[] = [];
        for (const item of line) {
          if (item.parts > there) continue;
          there -= item.parts;
          expected.push(item);
        }
        const placed: number[] = [];
        unplaced.offer((item) => {
          if (item.parts > left) return false;
          left -= item.parts;
          unplaced.leave(item);
          item.state = "placed";
          placed.push(item.name);
          return true;
        });
        expect(placed).toEqual(expected.map((item) => item.name));
        line = line.filter((item) => !expected.includes(item));
        expect([...unplaced].map((item) => item.name)).toEqual(line.map((item) => item.name));
        expect(unplaced.length).toBe(line.length);
      }
    }),
  );
});
