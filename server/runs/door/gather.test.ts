import { expect, it } from "vitest";
import { Gatherer } from "./gather";

/** A writer that waits to be told how each writing ends. */
function slow(most: number) {
  const writings: { items: readonly number[]; end: (why?: Error) => void }[] = [];
  const gatherer = new Gatherer<number>(
    (items) =>
      new Promise((done, fail) => {
        writings.push({ items, end: (why) => (why ? fail(why) : done()) });
      }),
    most,
  );
  const settled = () => new Promise((next) => setImmediate(next));
  return { gatherer, writings, settled };
}

it("what arrives while one is written is written together, at most so many at once", async () => {
  const { gatherer, writings, settled } = slow(4);
  const all = [[1], [2, 3], [4, 5], [6, 7, 8, 9, 10], [11]].map((items) => gatherer.add(items));
  for (let i = 0; i < 4; i += 1) {
    writings[i]?.end();
    await settled();
  }
  await Promise.all(all);
  expect(writings.map(({ items }) => items)).toEqual([[1], [2, 3, 4, 5], [6, 7, 8, 9, 10], [11]]);
  expect(gatherer.isIdle).toBe(true);
});

it("a batch is acknowledged only when its own items are written", async () => {
  const { gatherer, writings, settled } = slow(10);
  const heard: string[] = [];
  const first = gatherer.add([1]).then(() => heard.push("first"));
  const second = gatherer.add([2]).then(() => heard.push("second"));
  await settled();
  expect(heard).toEqual([]);
  writings[0]?.end();
  await first;
  await settled();
  expect(heard).toEqual(["first"]);
  writings[1]?.end();
  await second;
});

it("a batch that is refused takes no other with it", async () => {
  const written: number[] = [];
  const gatherer = new Gatherer<number>(async (items) => {
    await Promise.resolve();
    if (items.includes(-1)) throw new Error("not that one");
    written.push(...items);
  }, 10);
  const outcomes = await Promise.allSettled([[0], [1, 2], [-1], [3]].map((items) => gatherer.add(items)));
  expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected", "fulfilled"]);
  expect(written).toEqual([0, 1, 2, 3]);
});
