import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Readings } from "../../engine/contract";
import { add, type Bucket, pack, rowsOf, unpack } from "./bucket";
import { POOL_METRICS, placeOf, valuesByNode, valuesByPool } from "./metrics";
import { resolution } from "./read";

/** Whole numbers: their sums are exact, so that order can't matter. */
const value = fc.option(fc.integer({ min: 0, max: 1_000 }), { freq: 4 });
const reading = fc
  .array(fc.tuple(fc.constantFrom("a", "b", "größer"), fc.array(value, { maxLength: 6 })), { maxLength: 3 })
  .map((entries) => new Map(entries));
const readings = fc.array(reading, { maxLength: 8 });

const bucketOf = (all: Iterable<Parameters<typeof add>[1]>): Bucket => {
  const bucket: Bucket = new Map();
  for (const one of all) add(bucket, one);
  return bucket;
};
const sorted = (bucket: Bucket) => rowsOf(bucket).sort((a, b) => (a.key < b.key ? -1 : 1));

describe("a bucket", () => {
  test("travels as bytes, and goes on as if it had not", () => {
    fc.assert(
      fc.property(readings, readings, (first, then) => {
        const carried = unpack(pack(bucketOf(first)));
        for (const one of then) add(carried, one);
        expect(sorted(carried)).toEqual(sorted(bucketOf([...first, ...then])));
      }),
    );
  });

  test("keeps the same whatever came first, and means lie between nothing and the peak", () => {
    fc.assert(
      fc.property(readings, (all) => {
        const rows = sorted(bucketOf(all));
        expect(sorted(bucketOf(all.toReversed()))).toEqual(rows);
        for (const { mean, peak } of rows)
          mean.forEach((of, i) => {
            expect(of === null).toBe(peak[i] === null);
            expect(of ?? 0).toBeLessThanOrEqual(peak[i] ?? 0);
          });
      }),
    );
  });

  test("that was cut off is not read", () => {
    const bytes = pack(bucketOf([new Map([["a", [1, 2]]])]));
    expect(() => unpack(bytes.subarray(0, -4))).toThrow("cut off");
  });
});

const READINGS: Readings = {
  ...{ nodeIds: ["n1", "n2"], cpuPercent: [100, 50], memoryBytes: [8, null], diskBytes: [null, null] },
  ...{ receivedBytesPerSecond: [1, 2], sentBytesPerSecond: [3, 4], heartbeatAgeMs: [0, 0] },
  gpus: {
    ...{ node: [0, 0, 1], index: [0, 1, 0], percent: [90, 30, 60], memoryBytes: [1, 2, 3] },
    ...{ celsius: [50, 70, 60], watts: [100, null, 300] },
  },
};

test("a pool is the sum of its nodes, with the mean of its GPUs and the hottest; the whole is the sum of pools", () => {
  const nodes = valuesByNode(READINGS);
  expect(nodes.get("n1")?.[placeOf("watts", 0)]).toBe(100);
  expect(nodes.get("n1")?.[placeOf("celsius", 1)]).toBe(70);
  const pools = valuesByPool(
    nodes,
    new Map([
      ["n1", "x"],
      ["n2", "y"],
    ]),
  );
  const of = (pool: string) =>
    Object.fromEntries(POOL_METRICS.map((name, i) => [name, pools.get(pool)?.[i]]));
  expect(of("x")).toMatchObject({ cpu: 100, memory: 8, gpu: 60, gpuMemory: 3, celsius: 70, watts: 100 });
  expect(of("")).toMatchObject({ cpu: 150, memory: 8, disk: null, gpu: 60, celsius: 70, watts: 400 });
});

test("a chart takes the finest rows that are still there, at least as wide as its pixels", () => {
  const now = Date.UTC(2026, 0, 10);
  const ago = (hours: number) => now - hours * 3_600_000;
  expect(resolution("node", { from: ago(1), to: now, width: 800 }, now)).toEqual({ level: 60, step: 60 });
  expect(resolution("node", { from: ago(24), to: now, width: 800 }, now)).toEqual({ level: 60, step: 120 });
  expect(resolution("node", { from: ago(24 * 7), to: now, width: 800 }, now)).toEqual({
    level: 3600,
    step: 3600,
  });
  expect(resolution("pool", { from: ago(1), to: now, width: 800 }, now)).toEqual({ level: 10, step: 10 });
});
