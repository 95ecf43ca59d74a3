import { expect, it } from "vitest";
import { between } from "./choice";

const rows = ["a", "b", "c", "d"].map((id) => ({ id }));

it.each([
  ["b", "d", "bcd"],
  ["d", "b", "bcd"],
  ["c", "c", "c"],
  [null, "b", "b"],
  ["gone", "b", "b"],
  ["a", "gone", ""],
])("from %s to %s are %s", (from, to, expected) => {
  expect(
    between(rows, from, to)
      .map(({ id }) => id)
      .join(""),
  ).toBe(expected);
});
