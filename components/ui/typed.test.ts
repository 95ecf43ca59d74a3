import { describe, expect, it } from "vitest";
import { z } from "zod";
import { issueSays, readNumber } from "./typed";

describe("a number that is typed", () => {
  it.each([
    ["7", 7],
    [" 0.5 ", 0.5],
    ["1e3", 1000],
    ["-2", -2],
    ["−2", -2],
    ["1,500", 1500],
    ["12,345,678.9", 12345678.9],
  ])("%j is %d", (text, value) => {
    expect(readNumber(text)).toBe(value);
  });

  it.each(["", "  ", "abc", "1,5", "1,50", "0x10", "1 000", "Infinity", "$3", "🐈", "."])(
    "%j is none",
    (text) => {
      expect(readNumber(text)).toBeNaN();
    },
  );
});

it("a part of a number is said to be no whole one, and not to be no number", () => {
  const Whole = z.number().int("a whole number").min(0, "not below 0");
  const said = (value: unknown) => Whole.safeParse(value).error?.issues.map(issueSays);
  expect(said(1.5)).toEqual(["a whole number"]);
  expect(said(-1)).toEqual(["not below 0"]);
  expect(said(Number.NaN)).toEqual(["a number is needed"]);
});
