import { expect, it } from "vitest";
import { fillRate } from "./disks";

const HOUR = 3_600_000;
const at = (hoursAgo: number, usedBytes: number) => ({ at: -hoursAgo * HOUR, usedBytes });

it.each<[string, ReturnType<typeof at>[], number | null]>([
  ["is not known before an hour", [at(0.9, 0), at(0, 100)], null],
  ["is what filled it by the hour", [at(1, 0), at(0, 100)], 100],
  ["is no trend of one large file", [at(6, 0), at(1, 0), at(0, 600)], 100],
  ["is none of what was written before noon", [at(6, 0), at(1, 600), at(0, 600)], 0],
  ["does not depend on the order", [at(0, 100), at(1, 0)], 100],
])("how fast a disk fills %s", (_, samples, expected) => {
  expect(fillRate(samples)).toBe(expected);
});
