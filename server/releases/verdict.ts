/** What a gate looks at, and what it may say. */
import type { z } from "zod";
import type { Sizes } from "../models/contract";
import type { EvaluateResult } from "../runs/contract";
import type { Gate } from "./contract";

export interface Weighed {
  bytes: number;
  sizes: z.infer<typeof Sizes> | null;
  macs: number | null;
}
export interface Measured {
  evidence: z.infer<typeof EvaluateResult>;
  candidate: Weighed & { digest: string };
  /** What serves now; null when nothing does. */
  production: Weighed | null;
  /** Names of the dataset's classes, by label. */
  labels: readonly string[];
  /** Samples in the dataset's test set. */
  testSamples: number;
  /** Digest of the bytes that the request was made for. */
  requestedDigest: string;
}

export const whole = (n: number) => n.toLocaleString("en-US");
/** Six digits: enough to show why, and no more than was measured. */
export const plain = (n: number) =>
  Number(n.toPrecision(6)).toLocaleString("en-US", { maximumFractionDigits: 6 });

export type Verdict = Pick<Gate, "state" | "value" | "words"> & { blocks?: boolean };
export const verdict = (passes: boolean, value: string, words: string): Verdict => ({
  state: passes ? "pass" : "fail",
  value,
  words: passes ? "" : words,
});
export const notMeasured = (value: string, words: string): Verdict => ({
  state: "not_measured",
  value,
  words,
});
export const NOTHING_SERVES: Verdict = {
  ...notMeasured("nothing serves yet", "There is no production version to compare with."),
  blocks: false,
};
