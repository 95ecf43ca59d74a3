import { expect, test } from "vitest";
import { requestCost } from "./version";

const served = (amount: number | null, requests: number) => ({ amount, requests, perHour: null });
const NOT_KNOWN = { basis: null, per1000: null, parentPer1000: null };

test("a request costs what replicas took for what they answered, of both", () => {
  expect(requestCost(served(2, 4000), served(9, 3000), { p50Ms: 1, parentP50Ms: 2 }, 1)).toEqual({
    basis: "served",
    per1000: 0.5,
    parentPer1000: 3,
  });
});

test("version and parent are told by one basis: that of latencies measured side by side where one served too little", () => {
  const cost = requestCost(served(2, 4000), served(9, 30), { p50Ms: 3.6, parentP50Ms: 7.2 }, 0.5);
  expect(cost).toEqual({
    basis: "latency",
    per1000: expect.closeTo(0.0005, 9),
    parentPer1000: expect.closeTo(0.001, 9),
  });
});

test("nothing is made up: without a price, without a measurement, and of a parent that was not beside it", () => {
  expect(requestCost(undefined, undefined, { p50Ms: 3, parentP50Ms: 5 }, null)).toEqual(NOT_KNOWN);
  expect(requestCost(served(null, 9000), undefined, null, 1)).toEqual(NOT_KNOWN);
  expect(requestCost(undefined, served(9, 3000), { p50Ms: 3.6, parentP50Ms: null }, 1)).toMatchObject({
    basis: "latency",
    parentPer1000: null,
  });
  expect(requestCost(served(2, 4000), undefined, { p50Ms: 3.6, parentP50Ms: null }, 1)).toMatchObject({
    basis: "served",
    per1000: 0.5,
    parentPer1000: null,
  });
});
