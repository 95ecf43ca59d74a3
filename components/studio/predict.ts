/**
 * Predictions from what was measured: the coarse curve of the session, and every setting measured since. Between
 * points runs a monotone cubic (Fritsch and Carlson, SIAM J. Numer. Anal. 17, 1980): it passes through each point and
 * never swings above or below its neighbours. Dials that were never measured together are taken to cost what each
 * costs alone. All of it is shown dashed, until the measurement arrives.
 */
import type { Sizes } from "@/server/models/contract";
import type { Settings } from "@/server/studio/contract";
import type { Measured, Measurement, StudioBaseline } from "@/server/studio/session-contract";
import { type Dial, isOnCurveOf, sameMerge, standsAt } from "./settings";

export type { Dial };
export interface Knot {
  x: number;
  y: number;
}

/** A curve through `knots` (ascending in x, distinct) that is monotone wherever they are; constant beyond them. */
export function monotoneCurve(knots: readonly Knot[]): (x: number) => number {
  const n = knots.length;
  const at = (i: number): Knot => knots[i] ?? { x: 0, y: 0 };
  if (n === 0) throw new Error("a curve needs at least one point");
  if (n === 1) return () => at(0).y;
  const slope = (i: number) => (at(i + 1).y - at(i).y) / (at(i + 1).x - at(i).x);
  const tangents = knots.map((_, i) => {
    if (i === 0) return slope(0);
    if (i === n - 1) return slope(n - 2);
    const [before, after] = [slope(i - 1), slope(i)];
    if (before * after <= 0) return 0;
    // The weighted harmonic mean keeps each piece within its two ends.
    const [left, right] = [at(i).x - at(i - 1).x, at(i + 1).x - at(i).x];
    const [u, v] = [2 * right + left, right + 2 * left];
    return (u + v) / (u / before + v / after);
  });
  return (x) => {
    if (x <= at(0).x) return at(0).y;
    if (x >= at(n - 1).x) return at(n - 1).y;
    let i = 0;
    while (at(i + 1).x < x) i += 1;
    const width = at(i + 1).x - at(i).x;
    const t = (x - at(i).x) / width;
    const [m0, m1] = [limited(tangents[i] ?? 0, slope(i)), limited(tangents[i + 1] ?? 0, slope(i))];
    const u = 1 - t;
    return (
      at(i).y * (1 + 2 * t) * u * u +
      m0 * width * t * u * u +
      at(i + 1).y * t * t * (3 - 2 * t) -
      m1 * width * t * t * u
    );
  };
}

/** A tangent more than three times as steep as its piece would overshoot. */
const limited = (tangent: number, slope: number): number =>
  slope === 0 || tangent * slope < 0
    ? 0
    : Math.sign(slope) * Math.min(Math.abs(tangent), 3 * Math.abs(slope));

/** Measured points within this distance of a coarse one say more than it does. */
const NEAR = 0.025;

function knotsOf(coarse: readonly Knot[], measured: readonly Knot[]): Knot[] {
  const kept = coarse.filter((knot) => measured.every((m) => Math.abs(m.x - knot.x) > NEAR));
  const byX = new Map([...kept, ...measured].map((knot) => [knot.x, knot]));
  return [...byX.values()].sort((a, b) => a.x - b.x);
}

/** Merges that must be measured before a curve is drawn through them. */
export const MERGES_BEFORE_A_CURVE = 2;

type Figure = "accuracy" | "file" | "sparse" | "packed" | "zstd19" | "macs";

export interface Prediction {
  /** Null where nothing like it was measured: what a merge does is not known from anything else. */
  accuracy: number | null;
  sizes: Sizes;
  macs: number;
  /** Predicted p50 in ms by batch size; a batch is missing where nothing like it was measured. */
  latency: ReadonlyMap<number, number>;
}

export interface Evidence {
  baseline: StudioBaseline;
  measurements: readonly Measurement[];
}

/** The baseline's accuracy plus the paired difference: only so can settings be compared that were measured on
 * different numbers of samples.
 */
export const comparable = (baseline: StudioBaseline, { accuracy }: Measured): number =>
  baseline.accuracy + accuracy.paired.difference;

/** What no figure lies below: nothing for R². */
export const leastOf = ({ task }: StudioBaseline): number =>
  task === "regression" ? Number.NEGATIVE_INFINITY : 0;

/** One figure of a measurement; null where it was not taken. */
function measuredFigure(baseline: StudioBaseline, { measured }: Measurement, figure: Figure): number | null {
  if (figure === "accuracy") return comparable(baseline, measured);
  if (figure === "macs") return measured.built?.macs ?? null;
  return (measured.sizes ?? measured.built)?.sizes[figure] ?? null;
}

function baselineFigure(baseline: StudioBaseline, figure: Figure): number | null {
  if (figure === "accuracy") return baseline.accuracy;
  return figure === "macs" ? baseline.macs : baseline.sizes[figure];
}

/** What one dial does to a figure, with the others as in `settings`. Null where nothing is known of it. */
function curveOf(
  { baseline, measurements }: Evidence,
  dial: Dial,
  settings: Settings,
  figure: Figure,
): ((x: number) => number) | null {
  const start = baselineFigure(baseline, figure);
  const like = measurements.filter((m) => isOnCurveOf(m.settings, settings, dial));
  const measured = like.flatMap((m) => {
    const y = measuredFigure(baseline, m, figure);
    return y === null ? [] : [{ x: standsAt(m.settings, dial), y }];
  });
  if (figure === "accuracy" && settings.merge !== null)
    return measured.length < MERGES_BEFORE_A_CURVE ? null : monotoneCurve(knotsOf([], measured));
  const coarse = coarseKnots({ baseline, measurements }, dial, settings, figure, start);
  const knots = knotsOf(figure === "accuracy" ? coarse : calibrated(coarse, measured), measured);
  return knots.length > 0 ? monotoneCurve(knots) : null;
}

/** A coarse curve of counted bytes, brought to the height of what was measured, so that both join without a step. */
function calibrated(coarse: readonly Knot[], measured: readonly Knot[]): Knot[] {
  if (coarse.length === 0 || measured.length === 0) return [...coarse];
  const curve = monotoneCurve(coarse);
  const factors = measured.map(({ x, y }) => y / (curve(x) || 1));
  const factor = factors.reduce((sum, f) => sum + f, 0) / factors.length;
  // The version itself was measured too: its own point stays where it is.
  return coarse.map(({ x, y }) => (x === 0 ? { x, y } : { x, y: y * factor }));
}

/** The session's coarse curve, moved by what the other dials cost by themselves. */
function coarseKnots(
  evidence: Evidence,
  dial: Dial,
  settings: Settings,
  figure: Figure,
  start: number | null,
): Knot[] {
  if (start === null) return [];
  const alone = [{ x: 0, y: start }, ...previewKnots(evidence.baseline, dial, figure)];
  const cost = costOfOthers(evidence, dial, settings, figure, start);
  return alone.map(({ x, y }) => ({
    x,
    y: figure === "accuracy" ? Math.max(leastOf(evidence.baseline), y + cost) : y * cost,
  }));
}

function previewKnots(baseline: StudioBaseline, dial: Dial, figure: Figure): Knot[] {
  if (dial === "merge") return [];
  return baseline.preview[dial].flatMap((point) => {
    const y = figure === "accuracy" ? point.accuracy : figure === "macs" ? point.macs : point.sizes[figure];
    // The coarse curve leaves zstd out, which takes long; it shrinks about as what is left without zeros does.
    const { zstd19, sparse } = baseline.sizes;
    const known = y ?? (zstd19 === null ? null : (zstd19 * point.sizes.sparse) / (sparse || 1));
    return known === null ? [] : [{ x: point.ratio, y: known }];
  });
}

/** A difference for accuracy, a factor for what is counted. */
function costOfOthers(
  evidence: Evidence,
  dial: Dial,
  settings: Settings,
  figure: Figure,
  start: number,
): number {
  const others = (["channels", "sparsity"] as const).filter((other) => other !== dial && settings[other] > 0);
  const costs = others.map((other) => {
    const knots = [{ x: 0, y: start }, ...previewKnots(evidence.baseline, other, figure)];
    return monotoneCurve(knots)(settings[other]);
  });
  const byPrecision = precisionEffect(evidence, settings, figure);
  return figure === "accuracy"
    ? costs.reduce((sum, y) => sum + y - start, byPrecision)
    : costs.reduce((product, y) => (product * y) / (start || 1), byPrecision);
}

/** Bytes that a weight gives up; int4 keeps half a byte and its part of a scale, for 32 weights. */
const SAVED: Record<Settings["precision"], number> = {
  fp32: 0,
  fp16: 2,
  int8: 3,
  int8_dynamic: 3,
  int4: 4 - 0.5 - 4 / 32,
};

/** What a precision does to a figure: as measured here, or by counting bytes; for accuracy nothing until it is measured. */
function precisionEffect({ baseline, measurements }: Evidence, settings: Settings, figure: Figure): number {
  const neutral = figure === "accuracy" ? 0 : 1;
  if (settings.precision === "fp32") return neutral;
  for (const quantized of measurements.filter((m) => m.settings.precision === settings.precision)) {
    const { channels, sparsity, merge } = quantized.settings;
    const dense = measurements.find(
      ({ settings: s }) =>
        s.precision === "fp32" &&
        s.channels === channels &&
        s.sparsity === sparsity &&
        sameMerge(s.merge, merge),
    );
    const from = dense
      ? measuredFigure(baseline, dense, figure)
      : channels === 0 && sparsity === 0 && merge === null
        ? baselineFigure(baseline, figure)
        : null;
    const to = measuredFigure(baseline, quantized, figure);
    if (from !== null && to !== null) return figure === "accuracy" ? to - from : to / (from || 1);
  }
  if (figure === "accuracy" || figure === "macs") return neutral;
  const whole = baselineFigure(baseline, figure) ?? 0;
  return whole > 0
    ? Math.max(0.1, (whole - SAVED[settings.precision] * baseline.parameters) / whole)
    : neutral;
}

/** What these settings are expected to lead to. */
export function predict(evidence: Evidence, settings: Settings, dial: Dial): Prediction {
  const figure = (name: Figure) =>
    curveOf(evidence, dial, settings, name)?.(standsAt(settings, dial)) ?? null;
  const { baseline } = evidence;
  const accuracy = figure("accuracy") ?? (settings.merge === null ? baseline.accuracy : null);
  const bytes = (name: "file" | "sparse" | "packed") => Math.round(figure(name) ?? baseline.sizes[name]);
  const zstd = figure("zstd19");
  const macs = Math.round(figure("macs") ?? baseline.macs);
  return {
    accuracy: accuracy === null ? null : Math.min(1, Math.max(leastOf(baseline), accuracy)),
    sizes: {
      file: bytes("file"),
      sparse: bytes("sparse"),
      packed: bytes("packed"),
      zstd19: zstd === null ? null : Math.round(zstd),
    },
    macs,
    latency: predictLatency(evidence, settings, macs),
  };
}

/**
 * Latency scales with the multiply-accumulates from the closest setting of the same precision; zeros change nothing.
 * Without one of that precision nothing is said.
 */
function predictLatency({ baseline, measurements }: Evidence, settings: Settings, macs: number) {
  const like = measurements
    .filter((m) => m.settings.precision === settings.precision && m.measured.latency && m.measured.built)
    .sort(
      (a, b) =>
        Math.abs(a.settings.channels - settings.channels) - Math.abs(b.settings.channels - settings.channels),
    )[0];
  const from =
    like?.measured.latency && like.measured.built
      ? { latency: like.measured.latency.latency, macs: like.measured.built.macs }
      : settings.precision === "fp32"
        ? { latency: baseline.latency, macs: baseline.macs }
        : null;
  return new Map(from?.latency.map((l) => [l.batch, (l.p50Ms * macs) / (from.macs || 1)]));
}

/** The predicted curve of one figure along a dial, for a chart. */
export function predictedCurve(
  evidence: Evidence,
  settings: Settings,
  dial: Dial,
  figure: Figure,
  xs: readonly number[],
): { x: number; y: number | null }[] {
  const curve = curveOf(evidence, dial, settings, figure);
  return xs.map((x) => ({ x, y: curve ? curve(x) : null }));
}
