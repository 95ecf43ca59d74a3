import { describe, expect, it } from "vitest";
import { headerOf, likelyLabel } from "./table-header";

describe("the header of a table", () => {
  it.each([
    ["a,b,y\n1,2,0", ["a", "b", "y"]],
    ["\uFEFFa;b,c;y\r\n1;2;0", ["a", "b,c", "y"]],
    ["\n\na\ty\n", ["a", "y"]],
    ['"wide, cm","say ""so""",y', ["wide, cm", 'say "so"', "y"]],
  ])("%j", (text, columns) => expect(headerOf(text)).toEqual(columns));

  it("is none where there are no two columns", () => {
    expect(headerOf("a\n1")).toBeNull();
    expect(headerOf("")).toBeNull();
  });

  it("names the likely label, else the last column", () => {
    expect(likelyLabel(["Target", "a", "y"])).toBe("Target");
    expect(likelyLabel(["a", "b"])).toBe("b");
  });
});
