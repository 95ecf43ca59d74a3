import fc from "fast-check";
import { expect, it } from "vitest";
import { nearestStep, nextStep } from "./snap";

const ascending = fc
  .uniqueArray(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 20 })
  .map((steps) => steps.sort((a, b) => a - b));

it("lands only on steps, on the closest one", () => {
  fc.assert(
    fc.property(ascending, fc.double({ min: 0, max: 1, noNaN: true }), (steps, value) => {
      const landed = nearestStep(steps, value);
      expect(steps).toContain(landed);
      for (const step of steps) expect(Math.abs(landed - value)).toBeLessThanOrEqual(Math.abs(step - value));
    }),
  );
});

it("reaches every step by key, in order, and stops at the ends", () => {
  fc.assert(
    fc.property(ascending, (steps) => {
      const visited = [nearestStep(steps, Number.NEGATIVE_INFINITY)];
      for (let press = 1; press < steps.length + 3; press += 1) {
        const next = nextStep(steps, visited.at(-1) ?? 0, 1);
        if (next !== visited.at(-1)) visited.push(next);
      }
      expect(visited).toEqual(steps);
    }),
  );
});
