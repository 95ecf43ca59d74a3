import fc from "fast-check";
import { expect, test } from "vitest";
import type { z } from "zod";
import type { DatasetTask } from "../datasets/contract";
import type { EvaluateResult } from "../runs/contract";
import { defaultPolicy, judge, policyDigest, tally } from "./policy";
import { DEFAULT_RULES, floorInWords, PolicyRules } from "./policy-contract";
import type { Measured } from "./verdict";

const DEFAULT_POLICY = defaultPolicy("production");

const DIGEST = "a".repeat(64);
type Evidence = z.infer<typeof EvaluateResult>;

function measured(difference: number | null, halfWidth = 0.004): Evidence {
  return {
    kind: "evaluate",
    baseline: null,
    evaluation: {
      n: 10_000,
      correct: 9168,
      accuracy: 0.9168,
      halfWidth: 0.0054,
      task: "classification",
      figures: [],
      scores: null,
      perClass: [],
      perSlice: [],
      predictions: DIGEST,
      correctness: null,
      paired:
        difference === null
          ? null
          : { n: 10_000, gained: 212, lost: 195, difference, halfWidth, mcnemarP: 0.4 },
      baselineAccuracy: 0.9151,
      latency: [],
      layerTimes: null,
      memory: [],
    },
  };
}
const having = (values: Partial<Evidence["evaluation"]>, difference = 0.0017): Evidence => {
  const evidence = measured(difference);
  return { ...evidence, evaluation: { ...evidence.evaluation, ...values } };
};
const latency = (p50Ms: number, ratio: number, ratioHigh: number) => [
  { batch: 1, p50Ms, baselineP50Ms: p50Ms / ratio, ratio, ratioLow: ratio, ratioHigh, rounds: 60 },
];
const perClass = (...rows: [n: number, gained: number, lost: number][]) =>
  rows.map(([n, gained, lost], label) => ({ label, n, correct: 0, gained, lost }));

const given = (values: Partial<Measured> = {}): Measured => ({
  evidence: measured(0.0017),
  candidate: { digest: DIGEST, bytes: 199_000, sizes: null, macs: 8_000 },
  production: { bytes: 237_000, sizes: null, macs: 10_000 },
  labels: ["Shirt", "Bag"],
  testSamples: 10_000,
  requestedDigest: DIGEST,
  ...values,
});
const under = (rules: Partial<PolicyRules>) => ({
  ...DEFAULT_POLICY,
  rules: PolicyRules.parse({ ...DEFAULT_RULES, ...rules }),
});
const verdicts = (values?: Partial<Measured>, rules: Partial<PolicyRules> = {}) =>
  Object.fromEntries(
    judge(under(rules), given(values)).map((g) => [g.id, `${g.state}${g.blocks ? ", blocks" : ""}`]),
  );

test("a candidate that is small, whole and no worse passes every gate", () => {
  expect(verdicts()).toEqual({
    "score-bound": "pass",
    "file-ratio": "pass",
    samples: "pass",
    digest: "pass",
  });
  expect(judge(DEFAULT_POLICY, given())[0]).toMatchObject({
    label: "Accuracy, lower bound ≥ −1.0 pt",
    value: "−0.23 pt",
  });
});

test("a figure that is no share is judged by the same floor, and told as the number it is", () => {
  const of = (task: DatasetTask, difference: number) =>
    judge(DEFAULT_POLICY, given({ evidence: having({ task }, difference) }))[0];
  expect(of("regression", 0.0017)).toMatchObject({
    label: "R², lower bound ≥ −0.010",
    state: "pass",
    value: "−0.0023",
    words: "",
  });
  expect(of("unlabelled", -0.007)).toMatchObject({
    label: "Cosine fidelity, lower bound ≥ −0.010",
    state: "fail",
    words: "The candidate may be up to 0.0110 worse than production.",
  });
  expect(of("multilabel", -0.007)).toMatchObject({
    label: "Labels right, lower bound ≥ −1.0 pt",
    value: "−1.10 pt",
  });
});

test("a limit keeps every digit that it has", () => {
  expect(floorInWords("classification", { worseBy: 0.0125 })).toBe("−1.25 pt");
  expect(floorInWords("regression", { worseBy: 0.0125 })).toBe("−0.0125");
});

const score = (values: object) => ({
  metrics: [{ metric: "score" as const, worseBy: 0.01, test: "bound" as const, minSamples: 0, ...values }],
});
const size = (kind: "ratio" | "absolute", atMost: number) => ({
  sizes: [{ measure: "macs" as const, limit: { kind, atMost } }],
});
const speed = (kind: "ratio" | "absolute", atMost: number) => ({
  latency: [{ batch: 1, limit: { kind, atMost } }],
});
test.each<[string, Partial<Measured>, Partial<PolicyRules>, object]>([
  ["its bound below the floor", { evidence: measured(-0.007) }, {}, { "score-bound": "fail, blocks" }],
  ["a wide interval", { evidence: measured(0.001, 0.012) }, {}, { "score-bound": "fail, blocks" }],
  [
    "a wide interval, where the value counts, does not; it",
    { evidence: measured(0.001, 0.012) },
    score({ test: "point", minSamples: 20_000 }),
    { "score-point": "not_measured, blocks" },
  ],
  [
    "its file beyond 105%",
    { candidate: { digest: DIGEST, bytes: 250_000, sizes: null, macs: null } },
    {},
    { "file-ratio": "fail, blocks" },
  ],
  ["more MACs than a share", {}, size("ratio", 0.7), { "macs-ratio": "fail, blocks" }],
  ["more MACs than a number", {}, size("absolute", 7_999), { "macs-absolute": "fail, blocks" }],
  [
    "a size nobody measured",
    {},
    { sizes: [{ measure: "zstd19", limit: { kind: "ratio", atMost: 2 } }] },
    { "zstd19-ratio": "not_measured, blocks" },
  ],
  [
    "a latency that may be beyond its share",
    { evidence: having({ latency: latency(0.2, 1.05, 1.2) }) },
    speed("ratio", 1.1),
    { "latency-1-ratio": "fail, blocks" },
  ],
  [
    "a latency beyond its milliseconds",
    { evidence: having({ latency: latency(0.2, 1, 1) }) },
    speed("absolute", 0.19),
    { "latency-1-absolute": "fail, blocks" },
  ],
  ["a batch nobody measured", {}, speed("ratio", 9), { "latency-1-ratio": "not_measured, blocks" }],
  [
    "an error that grew",
    { evidence: having({ figures: [{ name: "mae", value: 0.6, baseline: 0.5 }] }) },
    score({ metric: "mae", test: "point", worseBy: 0.05 }),
    { "mae-point": "fail, blocks" },
  ],
  ["only part of the test set", { testSamples: 12_000 }, {}, { samples: "fail, blocks" }],
  ["other bytes", { requestedDigest: "b".repeat(64) }, {}, { digest: "fail, blocks" }],
  ["production not measured", { evidence: measured(null) }, {}, { "score-bound": "not_measured, blocks" }],
])("%s blocks", (_name, values, rules, expected) => {
  expect(verdicts(values, rules)).toMatchObject(expected);
});

test("a class that falls is named, and one with few samples is told as not measured", () => {
  const floor = under({ classes: { worseBy: 0.03, minSamples: 100 } });
  const gate = (...rows: Parameters<typeof perClass>) =>
    judge(floor, given({ evidence: having({ perClass: perClass(...rows) }) }))[1];
  expect(gate([1000, 10, 52], [8, 0, 8])).toMatchObject({
    label: "Recall of each class falls at most 3.0 pt, n ≥ 100",
    state: "fail",
    blocks: true,
    value: "Shirt −4.20 pt",
    words: "Shirt falls 4.20 pt (n = 1,000). Not measured: Bag (n = 8).",
  });
  expect(gate([1000, 10, 30], [8, 0, 8])).toMatchObject({
    state: "pass",
    words: "Not measured: Bag (n = 8).",
  });
  expect(gate([9, 0, 9], [8, 0, 8])).toMatchObject({ state: "not_measured", blocks: false });
});

test("a slice under its floor or beyond its loss is named, and a dataset without slices holds the request up", () => {
  const slices = PolicyRules.shape.slices.parse({
    atLeast: 0.9,
    worseBy: 0.02,
    test: "bound",
    minSamples: 50,
  });
  const found = (...rows: [name: string, n: number, accuracy: number, difference: number][]) =>
    having({
      perSlice: rows.map(([name, n, accuracy, difference]) => ({
        name,
        n,
        accuracy,
        halfWidth: 0.02,
        paired: { n, gained: 0, lost: 0, difference, halfWidth: 0.01, mcnemarP: 1 },
      })),
    });
  const gates = (values: Partial<Measured>) => judge(under({ slices }), given(values)).slice(1, 3);
  const fallen = found(["day", 900, 0.97, 0], ["night", 400, 0.915, -0.03], ["dusk", 9, 0.2, -0.5]);
  expect(gates({ evidence: fallen })).toMatchObject([
    {
      label: "Accuracy of each slice ≥ 90%, lower bound, n ≥ 50",
      state: "fail",
      blocks: true,
      value: "night 89.50%",
      words: "night may be as low as 89.50% (n = 400). Not measured: dusk (n = 9).",
    },
    {
      label: "Each slice, against production ≥ −2.0 pt, lower bound, n ≥ 50",
      state: "fail",
      blocks: true,
      words: "night may be up to 4.00 pt worse (n = 400). Not measured: dusk (n = 9).",
    },
  ]);
  const whole = found(["day", 900, 0.97, 0], ["night", 400, 0.93, -0.005]);
  expect(gates({ evidence: whole }).map((g) => g.state)).toEqual(["pass", "pass"]);
  expect(gates({ evidence: found(["dusk", 9, 0.2, -0.5]) })[0]).toMatchObject({
    state: "not_measured",
    blocks: false,
  });
  expect(gates({ evidence: measured(0) })).toMatchObject([
    { state: "not_measured", blocks: true, value: "no slices" },
    { state: "not_measured", blocks: true },
  ]);
  // A floor stands by itself; a loss needs something to be compared with.
  expect(gates({ evidence: whole, production: null })).toMatchObject([
    { state: "pass" },
    { state: "not_measured", blocks: false },
  ]);
});

test("the first release has nothing to compare with, which does not block it; limits by themselves do", () => {
  const first = { production: null, evidence: measured(null) };
  expect(verdicts(first)).toEqual({
    "score-bound": "not_measured",
    "file-ratio": "not_measured",
    samples: "pass",
    digest: "pass",
  });
  expect(verdicts(first, size("absolute", 100))).toMatchObject({ "macs-absolute": "fail, blocks" });
});

test("another limit is another policy, and so is the same one again in a later revision", () => {
  expect(policyDigest(under(score({ worseBy: 0.02 })))).not.toBe(policyDigest(DEFAULT_POLICY));
  expect(policyDigest({ ...DEFAULT_POLICY, revision: 2 })).not.toBe(policyDigest(DEFAULT_POLICY));
  expect(policyDigest({ ...DEFAULT_POLICY, name: "another name" })).toBe(policyDigest(DEFAULT_POLICY));
});

const isLetBy = (rules: PolicyRules, m: Measured) =>
  judge({ ...DEFAULT_POLICY, rules }, m).every((gate) => !gate.blocks);
const shrink = fc.double({ min: 0, max: 1, noNaN: true });
const share = fc.double({ min: 0, max: 0.1, noNaN: true });
const limit = fc.record({
  kind: fc.constantFrom("ratio" as const, "absolute" as const),
  atMost: fc.double({ min: 0.1, max: 3, noNaN: true }),
});
const looseRules = fc.record({
  worseBy: share,
  minSamples: fc.integer({ min: 0, max: 20_000 }),
  limit,
  floor: fc.record({ worseBy: share, minSamples: fc.integer({ min: 1, max: 2_000 }) }),
  hasFloor: fc.boolean(),
});
const found = fc.record({
  difference: fc.double({ min: -0.1, max: 0.1, noNaN: true }),
  half: share,
  ratio: fc.double({ min: 0.2, max: 3, noNaN: true }),
  classes: fc.array(fc.tuple(fc.integer({ min: 1, max: 2_000 }), fc.nat(60), fc.nat(60)), { maxLength: 4 }),
});

test("a stricter policy never lets pass what a looser one stops", () => {
  fc.assert(
    fc.property(
      looseRules,
      shrink,
      fc.constantFrom("bound" as const, "point" as const),
      found,
      (l, by, test, f) => {
        const rules = (factor: number, tested: "bound" | "point", hasFloor: boolean): PolicyRules => ({
          ...DEFAULT_RULES,
          metrics: [
            {
              metric: "score",
              worseBy: l.worseBy * factor,
              test: tested,
              minSamples: Math.ceil(l.minSamples / Math.max(factor, 0.01)),
            },
          ],
          latency: [{ batch: 1, limit: { ...l.limit, atMost: l.limit.atMost * factor } }],
          classes: hasFloor
            ? {
                worseBy: l.floor.worseBy * factor,
                // More classes are held to it.
                minSamples: Math.max(1, Math.floor(l.floor.minSamples * factor)),
              }
            : null,
        });
        const evidence = measured(f.difference, f.half);
        const m = given({
          evidence: {
            ...evidence,
            evaluation: {
              ...evidence.evaluation,
              perClass: perClass(...f.classes),
              latency: latency(f.ratio, f.ratio, f.ratio * 1.1),
            },
          },
        });
        const loose = isLetBy(rules(1, test, l.hasFloor), m);
        const strict = isLetBy(rules(by, "bound", true), m);
        expect(strict && !loose).toBe(false);
      },
    ),
  );
});

test("approvals count people, once each, and roles among them", () => {
  const by = (approverId: string, ...roles: ("approver" | "operator")[]) => ({ approverId, roles });
  const rule = { count: 2, roles: ["operator" as const] };
  expect(tally(rule, [by("mei", "approver"), by("mei", "approver")])).toMatchObject({
    given: 1,
    isComplete: false,
  });
  expect(tally(rule, [by("mei", "approver"), by("jo", "approver")])).toMatchObject({
    given: 2,
    missingRoles: ["operator"],
    isComplete: false,
  });
  expect(tally(rule, [by("mei", "approver"), by("jo", "approver", "operator")])).toMatchObject({
    isComplete: true,
  });
});
