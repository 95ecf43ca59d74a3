import fc from "fast-check";
import { expect, it } from "vitest";
import { Precision } from "@/server/models/contract";
import {
  Allocation,
  Calibration,
  changesSomething,
  effective,
  inWords,
  MergeMethod,
  Pattern,
  Settings,
  type Unit,
} from "@/server/studio/contract";
import { StudioBaseline } from "@/server/studio/session-contract";
import { allowed, CALIBRATED_ON, isOnCurveOf, readSettings, sameSettings, writeSettings } from "./settings";

const hundredths = (max: number) => fc.integer({ min: 0, max: max * 100 }).map((n) => n / 100);
const merge = fc.record({
  partner: fc.integer({ min: 1, max: 9999 }),
  method: fc.constantFrom(...MergeMethod.options),
  weight: hundredths(1),
  density: hundredths(1),
  scale: hundredths(2),
  parents: fc.constant(null),
});
const anything = fc.record({
  merge: fc.option(merge),
  channels: hundredths(0.9),
  sparsity: hundredths(0.95),
  pattern: fc.constantFrom(...Pattern.options),
  precision: fc.constantFrom(...Precision.options),
  calibration: fc.constantFrom(...Calibration.options),
  calibrationSamples: fc.constantFrom(...CALIBRATED_ON),
  keepFloat: fc.uniqueArray(fc.string({ minLength: 1 }), { maxLength: 3 }),
  allocation: fc.constantFrom(...Allocation.options),
  recovery: hundredths(2),
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
  expect(readSettings("?a=luck&l=~0.5&l=stem~9&s=-1&p=fp8&n=3:7&m=mean&k=513&f=&w=5~soup~1")).toEqual(
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

it("compares what has an effect: calibration under static int8 only, layers in fp32 in any order", () => {
  const at = (over: object) => Settings.parse(over);
  const by = (precision: string) => at({ precision, calibration: "entropy", calibrationSamples: 128 });
  expect(sameSettings(by("fp16"), at({ precision: "fp16" }))).toBe(true);
  expect(sameSettings(by("int8"), at({ precision: "int8" }))).toBe(false);
  const kept = (precision: string, keepFloat: string[]) => at({ precision, keepFloat });
  expect(sameSettings(kept("int4", ["a", "b"]), kept("int4", ["b", "a"]))).toBe(true);
  expect(sameSettings(kept("int4", ["a"]), kept("int4", []))).toBe(false);
  expect(sameSettings(kept("fp32", ["a"]), kept("fp32", []))).toBe(true);
  expect(changesSomething(kept("fp32", ["a"]))).toBe(false);
  expect(changesSomething(at({ pattern: "2:4" }))).toBe(true);
  fc.assert(
    fc.property(anything, (settings) => {
      expect(effective(effective(settings))).toEqual(effective(settings));
      expect(sameSettings(effective(settings), settings)).toBe(true);
      expect(inWords(effective(settings))).toBe(inWords(settings));
    }),
  );
});

it("says what was chosen, and nothing of what was not", () => {
  const words = (over: object) => inWords(Settings.parse(over));
  expect(words({})).toBe("no change");
  expect(words({ precision: "int8" })).toBe("int8 static");
  expect(words({ pattern: "2:4", sparsity: 0.7, precision: "fp16" })).toBe("2:4 zeros, sparsity 70%, fp16");
  expect(
    words({ precision: "int8", calibration: "entropy", calibrationSamples: 128, keepFloat: ["stem"] }),
  ).toBe("int8 static by entropy on 128 samples, stem in fp32");
  expect(words({ precision: "int4", keepFloat: ["a", "b", "c"] })).toBe("int4, 3 layers in fp32");
});

it("takes back only the choice that a version does not have", () => {
  const latency = { batch: 1, p50Ms: 1, baselineP50Ms: null, ratio: null, ratioLow: null, ratioHigh: null };
  const baseline = StudioBaseline.parse({
    sessionId: "ses_4k2j9x0c7m1p5q8w",
    n: 1,
    accuracy: 1,
    halfWidth: 0,
    sizes: { file: 1, zstd19: null, sparse: 1, packed: 1 },
    macs: 1,
    parameters: 1,
    latency: [{ ...latency, rounds: 1 }],
    layers: [],
    channelStops: [],
    unavailable: [{ dial: "precision", option: "int4", reason: "no MatMul" }],
    preview: { channels: [], sparsity: [] },
    sensitivity: { done: 0, total: 0, layers: [] },
  });
  const precision = (wanted: string) => allowed(Settings.parse({ precision: wanted }), baseline).precision;
  expect(Precision.options.map(precision)).toEqual(["fp32", "fp16", "int8", "int8_dynamic", "fp32"]);
  const old = StudioBaseline.parse({ ...baseline, unavailable: [{ dial: "precision", reason: "tier 4" }] });
  expect(allowed(Settings.parse({ precision: "fp16" }), old).precision).toBe("fp32");
  expect(old.units).toEqual(["channels"]);
  const fixed = StudioBaseline.parse({ ...baseline, unavailable: [{ dial: "recovery", reason: "tier 3" }] });
  const turned = Settings.parse({ sparsity: 0.5, recovery: 1 });
  const joined = Settings.parse({ sparsity: 0.5, merge: { partner: 5, method: "soup", weight: 0.5 } });
  const alone = StudioBaseline.parse({ ...baseline, unavailable: [{ dial: "merge", reason: "tier 3" }] });
  expect(allowed(joined, alone)).toMatchObject({ sparsity: 0.5, merge: null });
  expect(allowed(joined, fixed).merge).toEqual(joined.merge);
  expect(allowed(turned, fixed)).toMatchObject({ sparsity: 0.5, recovery: 0 });
});

it("writes a merge as one can say it, with what its method uses", () => {
  const soup = Settings.parse({ merge: { partner: 5, method: "soup", weight: 0.5 } });
  expect(writeSettings("", soup)).toBe("w=v5%7Esoup%7E0.5");
  expect(readSettings("?w=v5~soup~0.5")).toEqual(soup);
  expect(readSettings("?w=v5~ties~0.25~0.4~1.5").merge).toEqual({
    partner: 5,
    method: "ties",
    weight: 0.25,
    density: 0.4,
    scale: 1.5,
    parents: null,
  });
  for (const nonsense of ["v0~soup~0.5", "vx~soup~0.5", "v5~stew~0.5", "v5"])
    expect(readSettings(`?w=${nonsense}`).merge).toBeNull();
});

it("puts merges that differ by their weight on one curve, and by nothing else", () => {
  const at = (weight: number, over: object = {}) =>
    Settings.parse({ merge: { partner: 5, method: "soup", weight, ...over } });
  expect(isOnCurveOf(at(0.2), at(0.6), "merge")).toBe(true);
  expect(isOnCurveOf(at(0.2), at(0.6, { method: "slerp" }), "merge")).toBe(false);
  expect(isOnCurveOf(at(0.2), at(0.6, { partner: 6 }), "merge")).toBe(false);
  expect(isOnCurveOf(at(0.2), Settings.parse({}), "merge")).toBe(false);
  expect(sameSettings(at(0.2), at(0.2, { density: 0.7 }))).toBe(true);
});

it("says a merge in words, before the other steps", () => {
  const over = { sparsity: 0.4 };
  expect(inWords(Settings.parse({ ...over, merge: { partner: 5, method: "soup", weight: 0.5 } }))).toBe(
    "soup with 50% of v5, sparsity 40%",
  );
  expect(
    inWords(Settings.parse({ merge: { partner: 5, method: "ties", weight: 0.5, density: 0.3, scale: 2 } })),
  ).toBe("ties with 50% of v5, density 30%, scale 2");
  expect(inWords(Settings.parse({ merge: { partner: 5, method: "soup", weight: 0 } }))).toBe("no change");
});

it("names the channel dial after what it removes", () => {
  const quarter = Settings.parse({ channels: 0.25, precision: "int4" });
  const words = (...units: Unit[]) => inWords(quarter, units);
  expect(words()).toBe("channels 25%, int4");
  expect(words("channels", "neurons")).toBe("channels 25%, int4");
  expect(words("heads", "neurons")).toBe("heads and neurons 25%, int4");
  expect(words("channels", "heads")).toBe("channels and heads 25%, int4");
  expect(inWords(quarter)).toBe("25% removed, int4");
});
