import fc from "fast-check";
import { expect, test } from "vitest";
import { DatabaseClock } from "./clock";

/** A clock whose question takes `there` and its answer `back`, ms, to a database that is `ahead` by so much. */
function clock(ahead: number, there: number, back: number) {
  let trueMs = 1_764_000_000_000.5;
  const own = () => Math.floor(trueMs);
  const made = new DatabaseClock(async () => {
    trueMs += there;
    const told = trueMs + ahead;
    trueMs += back;
    return told;
  }, own);
  return { made, error: () => made.now() - (trueMs + ahead) };
}
const way = fc.double({ min: 0, max: 5_000, noNaN: true });

test("on one host no way of asking, however slow or lopsided, looks like another clock", async () => {
  await fc.assert(
    fc.asyncProperty(way, way, async (there, back) => {
      const { made, error } = clock(0, there, back);
      await made.compare();
      expect(Math.abs(error())).toBeLessThanOrEqual(1);
    }),
  );
});

test("another host's time is known to within the way of asking", async () => {
  const hours = fc.integer({ min: -10 * 3_600_000, max: 10 * 3_600_000 });
  await fc.assert(
    fc.asyncProperty(hours, way, way, async (ahead, there, back) => {
      const { made, error } = clock(ahead, there, back);
      await made.compare();
      expect(Math.abs(error())).toBeLessThanOrEqual(there + back + 2);
    }),
  );
});

test("a database that is away leaves what is known of it in force", async () => {
  let isAway = false;
  const made = new DatabaseClock(
    async () => {
      if (isAway) throw new Error("away");
      return 7_200_000;
    },
    () => 3_600_000,
  );
  await made.compare();
  isAway = true;
  await expect(made.compare()).rejects.toThrow("away");
  expect(made.now()).toBe(7_200_000);
});
