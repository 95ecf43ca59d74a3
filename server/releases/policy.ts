/** The gates of a promotion: a policy, what was measured, and a verdict for each rule. Pure. */

import type { z } from "zod";
import { digestOf } from "../platform/canonical";
import type { EvaluateResult } from "../runs/contract";
import { accuracyRule, differenceInWords, type Gate, type Policy } from "./contract";

export const DEFAULT_POLICY: Policy = {
  name: "production-default",
  revision: 1,
  accuracyFloor: -0.01,
  fileRatio: 1.05,
};
export const policyDigest = (policy: Policy = DEFAULT_POLICY): string => digestOf(policy);

export interface Measured {
  evidence: z.infer<typeof EvaluateResult>;
  candidate: { digest: string; bytes: number };
  /** What serves now; null when nothing does. */
  production: { bytes: number } | null;
  /** Samples in the dataset's test set. */
  testSamples: number;
  /** Digest of the bytes that the request was made for. */
  requestedDigest: string;
}

const whole = (n: number) => n.toLocaleString("en-US");

type Verdict = Pick<Gate, "state" | "value" | "words"> & { blocks?: boolean };
const verdict = (passes: boolean, value: string, words: string): Verdict => ({
  state: passes ? "pass" : "fail",
  value,
  words: passes ? "" : words,
});
const NOTHING_SERVES: Verdict = {
  state: "not_measured",
  value: "nothing serves yet",
  words: "There is no production version to compare with.",
  blocks: false,
};

/** Every gate of the policy with its verdict. A gate blocks unless it passes or there is nothing to compare with. */
export function judge(policy: Policy, measured: Measured): Gate[] {
  const gate = (id: Gate["id"], label: string, v: Verdict): Gate => ({
    id,
    label,
    state: v.state,
    value: v.value,
    words: v.words,
    blocks: v.blocks ?? v.state !== "pass",
  });
  const ratio = `${Math.round(policy.fileRatio * 100)}%`;
  const { task } = measured.evidence.evaluation;
  return [
    gate("accuracy", accuracyRule(task, policy), accuracy(policy, measured)),
    gate("file", `File at most ${ratio} of production's`, file(policy, measured)),
    gate("samples", "Measured on the whole test set", samples(measured)),
    gate("digest", "Measured bytes are the requested ones", digest(measured)),
  ];
}

function accuracy(policy: Policy, { evidence, production }: Measured): Verdict {
  if (!production) return NOTHING_SERVES;
  const { paired, task } = evidence.evaluation;
  if (!paired) {
    return {
      state: "not_measured",
      value: "no pairs",
      words: "Production was not measured on these samples.",
    };
  }
  const lower = paired.difference - paired.halfWidth;
  const value = differenceInWords(task, lower);
  return verdict(
    lower >= policy.accuracyFloor,
    value,
    `The candidate may be up to ${value.replace("−", "")} worse than production.`,
  );
}

function file(policy: Policy, { candidate, production }: Measured): Verdict {
  if (!production) return NOTHING_SERVES;
  const share = candidate.bytes / production.bytes;
  const value = `${Math.round(share * 100)}%`;
  return verdict(share <= policy.fileRatio, value, `The file is ${value} of production's.`);
}

function samples({ evidence, testSamples }: Measured): Verdict {
  const { n } = evidence.evaluation;
  return verdict(
    n === testSamples,
    `n = ${whole(n)}`,
    `Measured on ${whole(n)} of ${whole(testSamples)} test samples.`,
  );
}

const digest = ({ candidate, requestedDigest }: Measured): Verdict =>
  verdict(
    candidate.digest === requestedDigest,
    requestedDigest.slice(0, 7),
    `The version's bytes have digest ${candidate.digest.slice(0, 7)}, the request was for ${requestedDigest.slice(0, 7)}.`,
  );
