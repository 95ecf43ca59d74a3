import fc from "fast-check";
import { expect, it } from "vitest";
import { fuzzyScore } from "./fuzzy";

const best = (query: string, texts: string[]) =>
  texts
    .map((text) => ({ text, score: fuzzyScore(query, text) }))
    .filter((hit) => hit.score !== null)
    .sort((a, b) => (b.score ?? 0) - (a.score ?? 0))
    .map((hit) => hit.text);

it("puts a whole word before scattered letters, and leaves out what lacks a letter", () => {
  expect(best("roll", ["Reopen old layers list", "Roll back garment-cls", "Models"])).toEqual([
    "Roll back garment-cls",
    "Reopen old layers list",
  ]);
});

it("needs every word, in any order", () => {
  expect(fuzzyScore("garment roll", "Roll back garment-cls")).not.toBeNull();
  expect(fuzzyScore("garment pause", "Roll back garment-cls")).toBeNull();
});

it("finds every text by itself and by the empty query", () => {
  fc.assert(
    fc.property(fc.string(), (text) => fuzzyScore(text, text) !== null && fuzzyScore("", text) !== null),
  );
});
