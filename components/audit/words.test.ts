import { expect, test } from "vitest";
import { actionWords, changesOf } from "./words";

test("an action reads as words", () => {
  expect(actionWords("release.rolled_back")).toBe("release rolled back");
});

test("only what changed is listed, the rest is counted", () => {
  expect(changesOf({ version: "v9", replicas: 1 }, { version: "v7", replicas: 1, revision: 3 })).toEqual({
    changed: [
      { name: "version", before: "v9", after: "v7" },
      { name: "revision", before: "none", after: "3" },
    ],
    equal: 1,
  });
  expect(changesOf(null, null)).toEqual({ changed: [], equal: 0 });
});
