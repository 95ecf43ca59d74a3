import { expect, test } from "vitest";
import type { TensorSpec } from "../models/contract";
import { strategyBreaks } from "./signature-fit";

const tensor = (name: string, shape: (number | null)[], dtype = "float32"): TensorSpec => ({
  name,
  dtype,
  shape,
});
const IMAGE = tensor("image", [null, 1, 28, 28]);
const SCORES = tensor("scores", [null, 10]);
const version = (name: string, inputs = [IMAGE], outputs = [SCORES]) => ({ name, inputs, outputs });
const serving = version("v1");
const breaks = (kind: "at_once" | "canary" | "shadow", inputs?: TensorSpec[], outputs?: TensorSpec[]) =>
  strategyBreaks({ kind }, version("v2", inputs, outputs), serving);

test.each([
  [
    "another dtype",
    [tensor("image", [null, 1, 28, 28], "uint8")],
    "input “image” is uint8 [-1, 1, 28, 28] in v2 and float32 [-1, 1, 28, 28] in v1",
  ],
  [
    "another shape",
    [tensor("image", [null, 784])],
    "input “image” is float32 [-1, 784] in v2 and float32 [-1, 1, 28, 28] in v1",
  ],
  [
    "a batch that is not open any more",
    [tensor("image", [1, 1, 28, 28])],
    "input “image” is float32 [1, 1, 28, 28] in v2 and float32 [-1, 1, 28, 28] in v1",
  ],
  ["another name", [tensor("pixels", [null, 1, 28, 28])], "input “image” of v1 is not there in v2"],
  ["one more", [IMAGE, tensor("mask", [null, 28])], "input “mask” of v2 is not there in v1"],
])("an input with %s breaks weights and a shadow, and is named", (_what, inputs, words) => {
  expect(breaks("canary", inputs)).toBe(words);
  expect(breaks("shadow", inputs)).toBe(words);
  expect(breaks("at_once", inputs)).toBeNull();
});

test("another output breaks weights; a shadow's answers reach nobody", () => {
  const outputs = [tensor("scores", [null, 12])];
  expect(breaks("canary", undefined, outputs)).toBe(
    "output “scores” is float32 [-1, 12] in v2 and float32 [-1, 10] in v1",
  );
  expect(breaks("shadow", undefined, outputs)).toBeNull();
});

test("an input that is open where the other is fixed takes what clients send, in whatever order", () => {
  const two = [IMAGE, tensor("size", [null, 2])];
  const fixed = version("v1", [tensor("image", [1, 1, 28, 28]), tensor("size", [1, 2])]);
  expect(strategyBreaks({ kind: "canary" }, version("v2", two.toReversed()), fixed)).toBeNull();
});
