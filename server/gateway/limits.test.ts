import fc from "fast-check";
import { expect, test } from "vitest";
import { RateLimits } from "./limits";

test("however requests come, a window never lets more through than its rate and one second's worth", () => {
  const gaps = fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 1, maxLength: 200 });
  fc.assert(
    fc.property(gaps, fc.integer({ min: 1, max: 50 }), (waits, perSecond) => {
      const limits = new RateLimits();
      const passed: number[] = [];
      let now = 1000;
      for (const wait of waits) {
        now += wait;
        if (limits.take("token", perSecond, now) === 0) passed.push(now);
      }
      passed.forEach((from, first) => {
        passed.slice(first).forEach((to, more) => {
          expect(more + 1).toBeLessThanOrEqual(perSecond + ((to - from) / 1000) * perSecond + 1e-6);
        });
      });
    }),
  );
});

test("who waits as long as told goes on, and another token does not wait", () => {
  const limits = new RateLimits();
  expect(limits.take("a", 2, 0)).toBe(0);
  expect(limits.take("a", 2, 0)).toBe(0);
  const wait = limits.take("a", 2, 0);
  expect(wait).toBe(500);
  expect(limits.take("b", 2, 0)).toBe(0);
  expect(limits.take("a", 2, wait)).toBe(0);
});
