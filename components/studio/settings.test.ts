import fc from "fast-check";
import { expect, it } from "vitest";
import { Allocation, Settings } from "@/server/studio/contract";
import { isOnCurveOf, readSettings, sameSettings, writeSettings } from "./settings";

const hundredths = (max: number) => fc.integer({ min: 0, max: max * 100 }).map((n) => n / 100);
const anything = fc.record({
  channels: hundredths(0.9),
  sparsity: hundredths(0.95),
  precision: fc.constantFrom("fp32" as const, "int8" as const),
  allocation: fc.constantFrom(...Allocation.options),
  recovery: hundredths(2),
  keepFloat: fc.constant<string[]>([]),
  layers: fc.dictionary(fc.string({ minLength: 1 }), hundredths(0.95), { maxKeys: 4, noNullPrototype: true }),
});

it("comes back from the address as it was written, whatever the layers are called", () => {
  fc.assert(
    fc.property(anything, (settings) => {
      expect(sameSettings(readSettings(writeSettings("?tab=x", settings)), settings)).toBe(true);
    }),
  );
});

it("leaves out of the address what is not turned, and of the dials what makes no sense", () => {
  expect(writeSettings("", Settings.parse({}))).toBe("");
  expect(readSettings("?a=luck&l=~0.5&l=stem~9&s=-1&p=fp8")).toEqual(
    Settings.parse({ layers: { stem: 0.95 } }),
  );
});

it("puts on one curve what differs by one dial only", () => {
  const at = (sparsity: number, over: object = {}) => Settings.parse({ sparsity, ...over });
  expect(isOnCurveOf(at(0.2), at(0.6), "sparsity")).toBe(true);
  expect(isOnCurveOf(at(0.2), at(0.6), "channels")).toBe(false);
  expect(isOnCurveOf(at(0.2), at(0.6, { allocation: "uniform" }), "sparsity")).toBe(false);
  expect(isOnCurveOf(at(0.2), at(0.6, { layers: { stem: 0 } }), "sparsity")).toBe(false);
});
