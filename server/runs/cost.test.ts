import { expect, test } from "vitest";
import { overspent } from "./budget";
import { pricePerHour } from "./cost";

const cpu = { cpus: 4, gpus: 0, pricePerHour: 0.4 };
const gpu = { cpus: 16, gpus: 4, pricePerHour: 8 };
const workers = (cpus: number, gpus = 0, count = 2) => ({ workers: count, cpus, gpus });

test("a worker costs the share of a node of whatever it takes most of, on the dearest pool that holds it", () => {
  expect(pricePerHour([cpu], workers(1))).toBeCloseTo(0.2);
  expect(pricePerHour([cpu, gpu], workers(1, 1))).toBeCloseTo(4);
  expect(pricePerHour([cpu, gpu], workers(4))).toBeCloseTo(4);
});

test("nothing is said where a pool that may hold it has no price, or none holds it", () => {
  expect(pricePerHour([{ ...cpu, pricePerHour: null }, gpu], workers(1))).toBeNull();
  expect(pricePerHour([{ ...cpu, pricePerHour: null }, gpu], workers(1, 1))).toBeCloseTo(4);
  expect(pricePerHour([cpu], workers(8))).toBeNull();
});

test("a run is stopped by the limit that it reaches, and by none that it has not", () => {
  const spent = { hours: 2, cost: 5 };
  expect(overspent({ maxHours: 3, maxCost: 6 }, spent)).toBeNull();
  expect(overspent({ maxHours: null, maxCost: 5 }, spent)).toContain("$5.00");
  expect(overspent({ maxHours: 2, maxCost: null }, spent)).toContain("2 h");
});
