import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Settings } from "@/server/studio/contract";
import type { Measurement, StudioBaseline } from "@/server/studio/session-contract";
import { monotoneCurve, predict, predictedCurve } from "./predict";
import { NOTHING_CHANGED } from "./settings";

const sizes = (file: number) => ({ file, zstd19: null, sparse: file, packed: file });
const baseline: StudioBaseline = {
  sessionId: "ses_0000000000000000",
  n: 1000,
  task: "classification",
  figures: [],
  accuracy: 0.92,
  halfWidth: 0.01,
  sizes: { ...sizes(700_000), zstd19: 650_000 },
  macs: 20_000_000,
  parameters: 175_000,
  latency: [
    { batch: 1, p50Ms: 0.4, baselineP50Ms: null, ratio: null, ratioLow: null, ratioHigh: null, rounds: 12 },
  ],
  layers: [],
  channelStops: [0, 0.25, 0.5],
  units: ["channels"],
  unavailable: [],
  patternUnfit: [],
  preview: {
    channels: [
      { ratio: 0.25, accuracy: 0.8, n: 250, sizes: sizes(420_000), macs: 12_000_000 },
      { ratio: 0.5, accuracy: 0.4, n: 250, sizes: sizes(200_000), macs: 6_000_000 },
    ],
    sparsity: [
      { ratio: 0.5, accuracy: 0.9, n: 250, sizes: { ...sizes(700_000), sparse: 380_000 }, macs: 20_000_000 },
      { ratio: 0.9, accuracy: 0.3, n: 250, sizes: { ...sizes(700_000), sparse: 90_000 }, macs: 20_000_000 },
    ],
  },
  sensitivity: { done: 0, total: 0, layers: [] },
};

const measurement = (settings: Settings, accuracy: number, file = 700_000): Measurement => ({
  id: `${settings.channels}/${settings.sparsity}/${settings.precision}`,
  settings,
  n: 10_000,
  createdAt: new Date(0),
  measured: {
    accuracy: {
      type: "accuracy",
      rev: 1,
      elapsedMs: 100,
      n: 10_000,
      total: 10_000,
      accuracy,
      baselineAccuracy: 0.92,
      paired: { n: 10_000, gained: 0, lost: 0, difference: accuracy - 0.92, halfWidth: 0.01, mcnemarP: 1 },
      figures: [],
      perClass: [],
    },
    sizes: { type: "sizes", rev: 1, elapsedMs: 200, sizes: { ...sizes(file), zstd19: file } },
  },
});
const fp32 = (channels: number, sparsity: number): Settings => ({ ...NOTHING_CHANGED, channels, sparsity });

describe("a monotone curve", () => {
  const falling = fc
    .array(
      fc.tuple(fc.double({ min: 0.01, max: 0.2, noNaN: true }), fc.double({ min: 0, max: 0.3, noNaN: true })),
      {
        minLength: 2,
        maxLength: 12,
      },
    )
    .map((steps) => {
      const knots = [{ x: 0, y: 1 }];
      for (const [dx, dy] of steps) {
        const last = knots.at(-1) ?? { x: 0, y: 1 };
        knots.push({ x: last.x + dx, y: last.y - dy });
      }
      return knots;
    });

  it("passes through every point and never rises where they fall", () => {
    fc.assert(
      fc.property(falling, (knots) => {
        const curve = monotoneCurve(knots);
        for (const { x, y } of knots) expect(curve(x)).toBeCloseTo(y, 9);
        const [first, last] = [knots[0], knots.at(-1)];
        if (!first || !last) return;
        let before = curve(first.x);
        for (let i = 1; i <= 200; i++) {
          const y = curve(first.x + ((last.x - first.x) * i) / 200);
          expect(y).toBeLessThanOrEqual(before + 1e-9);
          before = y;
        }
      }),
    );
  });

  it("holds its ends beyond them", () => {
    const curve = monotoneCurve([
      { x: 0.2, y: 3 },
      { x: 0.4, y: 1 },
    ]);
    expect([curve(0), curve(1)]).toEqual([3, 1]);
  });
});

describe("predictions", () => {
  it("start at what the baseline measured", () => {
    const {
      accuracy,
      sizes: predicted,
      macs,
    } = predict({ baseline, measurements: [] }, fp32(0, 0), "sparsity");
    expect([accuracy, predicted.file, macs]).toEqual([0.92, 700_000, 20_000_000]);
  });

  it("give way to a measurement of the very setting", () => {
    const measurements = [measurement(fp32(0, 0.5), 0.87)];
    expect(predict({ baseline, measurements }, fp32(0, 0.5), "sparsity").accuracy).toBeCloseTo(0.87);
    expect(predict({ baseline, measurements: [] }, fp32(0, 0.5), "sparsity").accuracy).toBeCloseTo(0.9);
  });

  it("add what two dials cost alone until they are measured together", () => {
    const { accuracy } = predict({ baseline, measurements: [] }, fp32(0.25, 0.5), "sparsity");
    expect(accuracy).toBeCloseTo(0.92 - 0.12 - 0.02);
  });

  it("know that int8 leaves a byte of four, and take its cost in accuracy only from a measurement", () => {
    const int8: Settings = { ...NOTHING_CHANGED, precision: "int8" };
    const before = predict({ baseline, measurements: [] }, int8, "sparsity");
    expect(before.accuracy).toBeCloseTo(0.92);
    expect(before.sizes.file).toBe(175_000);
    const after = predict(
      { baseline, measurements: [measurement(int8, 0.91, 220_000)] },
      { ...int8, sparsity: 0.5 },
      "sparsity",
    );
    expect(after.accuracy).toBeCloseTo(0.89);
    expect(after.sizes.file).toBe(220_000);
  });

  it("never say that zeros make a model faster, and say nothing of a precision that was never timed", () => {
    const zeros = predict({ baseline, measurements: [] }, fp32(0, 0.9), "sparsity");
    expect(zeros.latency.get(1)).toBeCloseTo(0.4);
    const int8: Settings = { ...NOTHING_CHANGED, precision: "int8" };
    expect(predict({ baseline, measurements: [] }, int8, "sparsity").latency.size).toBe(0);
  });

  it("shrink zstd with what is left without zeros, as long as nobody compressed it", () => {
    const { sizes: predicted } = predict({ baseline, measurements: [] }, fp32(0, 0.9), "sparsity");
    expect(predicted.zstd19).toBe(Math.round((650_000 * 90_000) / 700_000));
    expect(predicted.file).toBe(700_000);
  });

  it("leave a gap where nothing is known", () => {
    const noZstd = { ...baseline, sizes: sizes(700_000) };
    expect(
      predictedCurve({ baseline: noZstd, measurements: [] }, fp32(0, 0), "sparsity", "zstd19", [0, 0.5]),
    ).toEqual([
      { x: 0, y: null },
      { x: 0.5, y: null },
    ]);
  });
});

describe("a merge", () => {
  const soup = (weight: number, over: Partial<Settings> = {}): Settings => ({
    ...NOTHING_CHANGED,
    merge: { partner: 5, method: "soup", weight, density: 0.2, scale: 1, parents: null },
    ...over,
  });

  it("has no predicted accuracy before two like it are measured, but bytes from counting", () => {
    const one = { baseline, measurements: [measurement(soup(0.2), 0.9)] };
    expect(predict({ baseline, measurements: [] }, soup(0.5), "merge").accuracy).toBeNull();
    expect(predict(one, soup(0.5), "merge").accuracy).toBeNull();
    expect(predict(one, soup(0.5), "merge").sizes.file).toBe(700_000);
    expect(predictedCurve(one, soup(0.5), "merge", "accuracy", [0.5])).toEqual([{ x: 0.5, y: null }]);
  });

  it("is predicted between those that are, and says nothing of another partner", () => {
    const measurements = [measurement(soup(0.2), 0.9), measurement(soup(0.8), 0.93)];
    const { accuracy } = predict({ baseline, measurements }, soup(0.5), "merge");
    expect(accuracy).toBeGreaterThan(0.9);
    expect(accuracy).toBeLessThan(0.93);
    const other = { partner: 6, method: "soup" as const, weight: 0.5, density: 0.2, scale: 1, parents: null };
    expect(predict({ baseline, measurements }, soup(0.5, { merge: other }), "merge").accuracy).toBeNull();
  });
});
