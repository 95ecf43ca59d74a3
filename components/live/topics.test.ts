import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { isRead, READS } from "./topics";

test("some topic makes each slice's queries stale, the stream itself excepted", () => {
  const source = readFileSync("server/router.ts", "utf8");
  const slices = [...source.matchAll(/^ {2}(\w+): \w+Router,$/gm)].map(([, slice]) => slice);
  const read = new Set(
    Object.values(READS)
      .flat()
      .map((path) => path.split(".")[0]),
  );
  expect(slices.length).toBeGreaterThan(8);
  expect(slices.filter((slice) => slice !== "live" && !read.has(slice ?? ""))).toEqual([]);
});

test("a path is read by its own name and by what stands before it, not by what only looks alike", () => {
  expect(isRead(["studio", "history"], ["studio.history"])).toBe(true);
  expect(isRead(["models", "page"], ["models"])).toBe(true);
  expect(isRead(["studio", "baseline"], ["studio.history", "models"])).toBe(false);
  expect(isRead(["modelsOfOthers", "page"], ["models"])).toBe(false);
});
