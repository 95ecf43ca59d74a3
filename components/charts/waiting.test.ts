import { expect, it } from "vitest";
import { waitingAreas } from "./waiting";

it("finds when demand waited, clipped to the range", () => {
  const capacity = [
    { x: 0, y: 8 },
    { x: 30, y: 16 },
  ];
  const demand = [
    { x: 10, y: 12 },
    { x: 50, y: 20 },
  ];
  expect(waitingAreas(capacity, demand, [5, 60])).toEqual([
    { from: 10, to: 30, low: 8, high: 12 },
    { from: 50, to: 60, low: 16, high: 20 },
  ]);
});

it("claims nothing while capacity is not known", () => {
  const capacity = [
    { x: 0, y: 4 },
    { x: 10, y: null },
    { x: 20, y: 4 },
  ];
  const demand = [{ x: 0, y: 8 }];
  expect(waitingAreas(capacity, demand, [0, 30]).map(({ from, to }) => [from, to])).toEqual([
    [0, 10],
    [20, 30],
  ]);
});
