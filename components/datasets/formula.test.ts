import { expect, it } from "vitest";
import { formula } from "./formula";

it.each([
  [{ scale: 1 / 255, mean: 0, std: 1 }, "x / 255"],
  [{ scale: 1, mean: 0, std: 1 }, "x"],
  [{ scale: 1, mean: [1, 2], std: [3, 4] }, "(x − mean) / std of each of 2 columns"],
  [{ scale: 1 / 255, mean: [1, 2], std: 0.5 }, "(x / 255 − mean) / 0.500 of each of 2 columns"],
])("%j reads %s", (transform, words) => expect(formula(transform, "columns")).toBe(words));
