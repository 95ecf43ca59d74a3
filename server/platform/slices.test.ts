import { expect, it } from "vitest";
import { inSlices } from "./slices";

it("lets others go on after each slice of time, and answers what came of all", async () => {
  let now = 0;
  const restedAt: number[] = [];
  function* steps() {
    for (let i = 0; i < 10; i += 1) {
      now += 3;
      yield;
    }
    return "done";
  }
  const rest = async () => void restedAt.push(now);
  expect(await inSlices(steps(), { sliceMs: 10, clock: () => now, rest })).toBe("done");
  expect(restedAt).toEqual([12, 24]);
});
