import fc from "fast-check";
import { expect, it } from "vitest";
import { Observation, Readings } from "./contract";
import { areReadings, ToldObservation } from "./door";

const mostly = <T>(good: fc.Arbitrary<T>, ...bad: unknown[]) =>
  fc.oneof({ weight: 40, arbitrary: good }, { weight: 1, arbitrary: fc.constantFrom(...bad) });
const column = mostly(
  fc.array(mostly(fc.option(fc.double({ noNaN: true, noDefaultInfinity: true })), "1", {}, true), {
    maxLength: 3,
  }),
  null,
  "[]",
);
const places = mostly(fc.array(mostly(fc.nat(), -1, 0.5, null), { maxLength: 3 }), undefined, {});
const gpus = fc.record({
  ...{ node: places, index: places, percent: column, memoryBytes: column, celsius: column, watts: column },
});
const told = fc.record({
  nodeIds: mostly(fc.array(mostly(fc.string(), 1, null), { maxLength: 3 }), null),
  ...{ cpuPercent: column, memoryBytes: column, diskBytes: column, heartbeatAgeMs: column },
  ...{ receivedBytesPerSecond: column, sentBytesPerSecond: column },
  gpus: mostly(gpus, null, []),
});
const observed = (readings: unknown) => ({
  ...{ incarnation: "incarnation", seq: 1, appliedRevision: 0, silence: { ms: 0, message: "" }, readings },
});

it("takes the readings that the protocol takes, and refuses the others in the same words", () => {
  let taken = 0;
  fc.assert(
    fc.property(told, (readings) => {
      const [whole, quick] = [Readings.safeParse(readings), areReadings(readings)];
      taken += quick ? 1 : 0;
      expect(quick).toBe(whole.success);
      const [slow, door] = [Observation, ToldObservation].map((shape) => shape.safeParse(observed(readings)));
      expect(door?.data).toEqual(slow?.data);
      const said = (result: typeof door) => result?.error?.issues.map(({ path, message }) => [path, message]);
      expect(said(door)).toEqual(said(slow));
    }),
    { numRuns: 400 },
  );
  expect(taken).toBeGreaterThan(20);
  expect(ToldObservation.parse(observed(undefined)).readings).toBeUndefined();
});
