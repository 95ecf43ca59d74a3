import { describe, expect, it } from "vitest";
import { transformed } from "./transform-contract";

describe("a transform", () => {
  it("applies one number to every value", () => {
    expect(transformed([2, 4], [2], { scale: 0.5, mean: 1, std: 2 })).toEqual([0, 0.5]);
  });
  it("follows columns, channels first and channels last", () => {
    const parts = { scale: 1, mean: [1, 2], std: [1, 2] };
    expect(transformed([1, 4], [2], parts)).toEqual([0, 1]);
    expect(transformed([1, 2, 2, 4], [2, 1, 2], parts)).toEqual([0, 1, 0, 1]);
    expect(transformed([1, 2, 2, 4], [1, 2, 2], parts)).toEqual([0, 0, 1, 1]);
  });
});
