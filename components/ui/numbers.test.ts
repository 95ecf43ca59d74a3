import { expect, it } from "vitest";
import { readNumbers } from "./numbers";

it("hears whole positive numbers of an address, each once, ascending", () => {
  expect(readNumbers("5,1,4,1,x,-2,1.5,")).toEqual([1, 4, 5]);
});
