import { describe, expect, test } from "vitest";
import type { V2Tensor } from "@/server/releases/v2-contract";
import { asData, readFields, zeroFields } from "./ask-values";

const IDS: V2Tensor = { name: "ids", datatype: "INT8", shape: [null, 2] };

const read = (shape: string, data: string, tensor = IDS) => {
  const reading = readFields(tensor, { shape, data });
  return reading.isRight ? reading.tensor.data : `${reading.field}: ${reading.problem}`;
};

test.each(["BOOL", "BYTES", "FP16", "UINT64"] as const)(
  "the example of %s can be sent as it is",
  (datatype) => {
    const tensor: V2Tensor = { name: "x", datatype, shape: [null, 2, 2] };
    expect(readFields(tensor, zeroFields(tensor))).toMatchObject({
      isRight: true,
      tensor: { name: "x", datatype, shape: [1, 2, 2], data: { length: 4 } },
    });
  },
);

test("values may be flat or nested, and go flat", () => {
  expect(read("[2, 2]", "[1, 2, 3, 4]")).toEqual([1, 2, 3, 4]);
  expect(read("[2, 2]", "[[1, 2], [3, 4]]")).toEqual([1, 2, 3, 4]);
});

describe("says at the field what is wrong:", () => {
  test.each([
    ["a shape of another rank", "[2]", "[1, 2]", "shape: Expected [-1, 2] (-1: any)."],
    ["a shape of nothing", "[0, 2]", "[]", "shape: Write a list of whole numbers from 1"],
    ["another length of a known axis", "[1, 3]", "[1, 2, 3]", "shape: Expected [-1, 2]"],
    ["no JSON", "[1, 2]", "[1, 2", "data: Write a JSON list of INT8 values."],
    ["too few values", "[2, 2]", "[1, 2]", "data: The shape takes 4 values, this list holds 2."],
    ["another nesting", "[2, 2]", "[[1, 2, 3], [4]]", "data: Nested lists must have the shape [2, 2]"],
    ["a value out of range", "[1, 2]", "[1, 128]", "data: Value 1 is 128; expected a whole number from -128"],
    ["a fraction", "[1, 2]", "[1, 0.5]", "data: Value 1 is 0.5"],
    ["a string", "[1, 2]", '[1, "2"]', 'data: Value 1 is "2"'],
  ])("%s", (_, shape, data, said) => {
    expect(read(shape, data)).toContain(said);
  });
});

test("what is more than a form may send is left to programs", () => {
  const tensor: V2Tensor = { name: "x", datatype: "FP32", shape: [null, 3, 512, 512] };
  expect(zeroFields(tensor)).toEqual({ shape: "[1, 3, 512, 512]", data: "" });
});

test("values of samples have four digits", () => {
  expect(asData([0.123456, -1, 0])).toBe("[0.1235, -1, 0]");
});
