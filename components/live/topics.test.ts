import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { READS } from "./topics";

test("some topic makes each slice's queries stale, the stream itself excepted", () => {
  const source = readFileSync("server/router.ts", "utf8");
  const slices = [...source.matchAll(/^ {2}(\w+): \w+Router,$/gm)].map(([, slice]) => slice);
  const read = new Set(Object.values(READS).flat());
  expect(slices.length).toBeGreaterThan(8);
  expect(slices.filter((slice) => slice !== "live" && !read.has(slice ?? ""))).toEqual([]);
});
