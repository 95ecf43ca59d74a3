import { expect, test } from "vitest";
import type { z } from "zod";
import type { DatasetTask } from "../datasets/contract";
import type { EvaluateResult } from "../runs/contract";
import { floorInWords } from "./contract";
import { DEFAULT_POLICY, judge, type Measured, policyDigest } from "./policy";

const DIGEST = "a".repeat(64);

function measured(difference: number | null, halfWidth = 0.004): z.infer<typeof EvaluateResult> {
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
const given = (values: Partial<Measured> = {}): Measured => ({
  evidence: measured(0.0017),
  candidate: { digest: DIGEST, bytes: 199_000 },
  production: { bytes: 237_000 },
  testSamples: 10_000,
  requestedDigest: DIGEST,
  ...values,
});
const verdicts = (values?: Partial<Measured>) =>
  Object.fromEntries(
    judge(DEFAULT_POLICY, given(values)).map((g) => [g.id, `${g.state}${g.blocks ? ", blocks" : ""}`]),
  );

test("a candidate that is small, whole and no worse passes every gate", () => {
  expect(verdicts()).toEqual({ accuracy: "pass", file: "pass", samples: "pass", digest: "pass" });
  expect(judge(DEFAULT_POLICY, given())[0]).toMatchObject({
    label: "Accuracy, lower bound ≥ −1.0 pt",
    value: "−0.23 pt",
  });
});

test("a figure that is no share is judged by the same floor, and told as the number it is", () => {
  const of = (task: DatasetTask, difference: number) => {
    const evidence = measured(difference);
    return judge(
      DEFAULT_POLICY,
      given({ evidence: { ...evidence, evaluation: { ...evidence.evaluation, task } } }),
    )[0];
  };
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
  const policy = { ...DEFAULT_POLICY, accuracyFloor: -0.0125 };
  expect(floorInWords("classification", policy)).toBe("−1.25 pt");
  expect(floorInWords("regression", policy)).toBe("−0.0125");
});

test.each<[string, Partial<Measured>, object]>([
  ["its lower bound is below the floor", { evidence: measured(-0.007) }, { accuracy: "fail, blocks" }],
  ["a wide interval", { evidence: measured(0.001, 0.012) }, { accuracy: "fail, blocks" }],
  ["its file grew beyond 105%", { candidate: { digest: DIGEST, bytes: 250_000 } }, { file: "fail, blocks" }],
  ["only part of the test set", { testSamples: 12_000 }, { samples: "fail, blocks" }],
  ["other bytes", { requestedDigest: "b".repeat(64) }, { digest: "fail, blocks" }],
  ["production was not measured", { evidence: measured(null) }, { accuracy: "not_measured, blocks" }],
])("%s blocks", (_name, values, expected) => {
  expect(verdicts(values)).toMatchObject(expected);
});

test("the first release has nothing to compare with, which does not block it", () => {
  expect(verdicts({ production: null, evidence: measured(null) })).toEqual({
    accuracy: "not_measured",
    file: "not_measured",
    samples: "pass",
    digest: "pass",
  });
});

test("another limit is another policy", () => {
  expect(policyDigest({ ...DEFAULT_POLICY, accuracyFloor: -0.02 })).not.toBe(policyDigest());
});
