import { expect, test } from "vitest";
import { tickFormat } from "./tick-format";

test.each([
  [
    [0, 0.5, 1],
    ["0.0", "0.5", "1.0"],
  ],
  [
    [0, 0.001, 0.002],
    ["0.000", "0.001", "0.002"],
  ],
  [
    [0, 0.0001, 0.0002],
    ["0", "1e-4", "2e-4"],
  ],
  [
    [0, 0.00005, 0.0001, 0.00015],
    ["0", "0.5e-4", "1.0e-4", "1.5e-4"],
  ],
  [
    [0, 1000, 2000],
    ["0", "1,000", "2,000"],
  ],
])("%o", (values, written) => {
  expect(values.map(tickFormat(values))).toEqual(written);
});
