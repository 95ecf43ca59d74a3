import fc from "fast-check";
import { expect, test } from "vitest";
import { desiredCount, isIdle, type LoadSample, QUIET_MS } from "./autoscale";
import { Scaling } from "./scaling-contract";

const NOW = new Date("2026-11-23T14:00:00Z");
const SAMPLE_MS = 10_000;
const sample = (secondsAgo: number, inFlight: number): LoadSample => ({
  at: new Date(NOW.getTime() - secondsAgo * 1000),
  inFlight,
});
const POLICY = { min: 1, max: 5, target: 8, idleMinutes: 15 };

test.each<[string, LoadSample[], number, number]>([
  ["without load the minimum stays", [], 1, 1],
  ["one sample is enough to go up", [sample(10, 17)], 1, 3],
  ["never above the maximum", [sample(10, 900)], 1, 5],
  ["a load that is over stays covered for the quiet window", [sample(170, 24), sample(10, 0)], 3, 3],
  ["and is forgotten after it", [sample(200, 24), sample(10, 0)], 3, 1],
  ["at the edge nothing changes: up it was two", [sample(10, 8.1)], 1, 2],
  ["and down needs room", [sample(10, 7.9)], 2, 2],
  ["which it has here", [sample(10, 6.3)], 2, 1],
  ["a lower maximum holds at once", [sample(10, 100)], 9, 5],
])("%s", (_name, load, current, expected) => {
  expect(desiredCount(POLICY, load, current, NOW)).toBe(expected);
});

const policies = fc
  .tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 0, max: 10 }), fc.integer({ min: 1, max: 20 }))
  .map(([min, more, target]) => Scaling.parse({ min, max: min + more, target }));
const loads = fc.array(fc.double({ min: 0, max: 300, noNaN: true }), { minLength: 1, maxLength: 80 });

/** Follows a load of one sample every 10 s; answers what was desired after each. */
function follow(policy: Scaling, values: readonly number[]): number[] {
  const begin = NOW.getTime();
  const load: LoadSample[] = [];
  let current = policy.min;
  return values.map((inFlight, i) => {
    load.push({ at: new Date(begin + i * SAMPLE_MS), inFlight });
    current = desiredCount(policy, load, current, new Date(begin + (i + 1) * SAMPLE_MS));
    return current;
  });
}

test("always within its bounds, and enough for the load that was just measured", () => {
  fc.assert(
    fc.property(policies, loads, (policy, values) => {
      follow(policy, values).forEach((count, i) => {
        expect(count).toBeGreaterThanOrEqual(policy.min);
        expect(count).toBeLessThanOrEqual(policy.max);
        const needed = Math.ceil((values[i] ?? 0) / policy.target);
        expect(count).toBeGreaterThanOrEqual(Math.min(needed, policy.max));
      });
    }),
  );
});

test("never flaps: what went up does not come down within the quiet window", () => {
  fc.assert(
    fc.property(policies, loads, (policy, values) => {
      const counts = follow(policy, values);
      const isUp = (i: number) => (counts[i] ?? 0) > (counts[i - 1] ?? policy.min);
      counts.forEach((count, i) => {
        if (count >= (counts[i - 1] ?? 0)) return;
        for (let back = 1; back < QUIET_MS / SAMPLE_MS; back += 1) expect(isUp(i - back)).toBe(false);
      });
    }),
  );
});

test.each([
  [{ ...POLICY, min: 0 }, 14, false],
  [{ ...POLICY, min: 0 }, 16, true],
  [{ ...POLICY, min: 0, idleMinutes: 1 }, 2, true],
  [POLICY, 600, false],
])("%j, asked %i min ago: idle %s", (policy, minutes, expected) => {
  expect(isIdle(policy, new Date(NOW.getTime() - minutes * 60_000), NOW)).toBe(expected);
});
