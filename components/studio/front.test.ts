import fc from "fast-check";
import { expect, it } from "vitest";
import { frontOf } from "./front";

it("holds exactly the settings that no other beats in both", () => {
  const setting = fc.record({
    cost: fc.integer({ min: 1, max: 20 }),
    accuracy: fc.integer({ min: 1, max: 20 }),
  });
  fc.assert(
    fc.property(fc.array(setting, { maxLength: 15 }), (settings) => {
      const candidates = settings.map((s, i) => ({ ...s, id: String(i) }));
      const front = frontOf(candidates);
      for (const a of candidates) {
        const beaten = candidates.some(
          (b) => b.cost <= a.cost && b.accuracy >= a.accuracy && (b.cost < a.cost || b.accuracy > a.accuracy),
        );
        if (beaten) expect(front.has(a.id)).toBe(false);
        else
          expect(
            candidates.some((b) => front.has(b.id) && b.cost === a.cost && b.accuracy === a.accuracy),
          ).toBe(true);
      }
    }),
  );
});
