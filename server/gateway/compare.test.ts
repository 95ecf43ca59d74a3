import { expect, test } from "vitest";
import { agrees } from "./compare";

const answer = (data: unknown, shape = [1, 3], datatype = "FP32") =>
  Buffer.from(JSON.stringify({ model_name: "m", outputs: [{ name: "y", datatype, shape, data }] }));
const two = (x: number) =>
  Buffer.from(
    JSON.stringify({
      outputs: [
        { name: "a", datatype: "FP32", shape: [1], data: [x] },
        { name: "b", datatype: "FP32", shape: [1], data: [1] },
      ],
    }),
  );

test.each<[string, Buffer, Buffer, boolean | null]>([
  ["scores with their maximum at the same class", answer([0, 9, 1]), answer([0.1, 2, 1]), true],
  ["scores with another maximum", answer([0, 9, 1]), answer([3, 2, 1]), false],
  ["one row of a batch differs", answer([1, 0, 0, 1], [2, 2]), answer([1, 0, 1, 0], [2, 2]), false],
  ["nested and flat data", answer([[0, 9, 1]]), answer([0, 9, 1]), true],
  ["another shape", answer([0, 1], [1, 2]), answer([0, 1, 0]), false],
  ["one number, near", answer([1.0005], [1, 1]), answer([1], [1, 1]), true],
  ["one number, far", answer([1.002], [1, 1]), answer([1], [1, 1]), false],
  [
    "whole numbers are values, not scores",
    answer([1, 2, 4], [1, 3], "INT64"),
    answer([1, 2, 5], [1, 3], "INT64"),
    false,
  ],
  ["several outputs, near", two(1), two(1.0009), true],
  ["several outputs, far", two(1), two(1.1), false],
  ["binary", Buffer.from([0, 1, 2]), answer([0, 9, 1]), null],
  ["no outputs", Buffer.from("{}"), answer([0, 9, 1]), null],
])("%s", (_name, a, b, expected) => {
  expect(agrees(a, b)).toBe(expected);
});
