/** The gates of a promotion: a policy, what was measured, and a verdict for each rule. Pure. */

import type { z } from "zod";
import type { Figure, Sizes } from "../models/contract";
import { digestOf } from "../platform/canonical";
import type { Role } from "../platform/permissions";
import type { EvaluateResult } from "../runs/contract";
import type { Gate } from "./contract";
import {
  type ApprovalRule,
  type ClassRule,
  classRuleInWords,
  DEFAULT_RULES,
  differenceInWords,
  type LatencyRule,
  latencyRuleInWords,
  METRIC_WORDS,
  type MetricRule,
  metricRuleInWords,
  type Policy,
  type SizeRule,
  sizeRuleInWords,
  type UpperLimit,
} from "./policy-contract";

export const DEFAULT_POLICY: Policy = {
  name: "production-default",
  revision: 0,
  environment: "production",
  modelId: null,
  ownUntil: 0,
  rules: DEFAULT_RULES,
};

/** What approvals are bound to. Revisions are part of it: rules that return do not bring old approvals back. */
export const policyDigest = ({ name: _, ...bound }: Policy): string => digestOf(bound);

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

const whole = (n: number) => n.toLocaleString("en-US");
/** Six digits: enough to show why, and no more than was measured. */
const plain = (n: number) => Number(n.toPrecision(6)).toLocaleString("en-US", { maximumFractionDigits: 6 });

type Verdict = Pick<Gate, "state" | "value" | "words"> & { blocks?: boolean };
const verdict = (passes: boolean, value: string, words: string): Verdict => ({
  state: passes ? "pass" : "fail",
  value,
  words: passes ? "" : words,
});
const notMeasured = (value: string, words: string): Verdict => ({ state: "not_measured", value, words });
const NOTHING_SERVES: Verdict = {
  ...notMeasured("nothing serves yet", "There is no production version to compare with."),
  blocks: false,
};

/** Every gate of the policy with its verdict. A gate blocks unless it passes or there is nothing to compare with. */
export function judge({ rules }: Policy, measured: Measured): Gate[] {
  const gate = (id: string, label: string, v: Verdict): Gate => ({
    id,
    label,
    state: v.state,
    value: v.value,
    words: v.words,
    blocks: v.blocks ?? v.state !== "pass",
  });
  const { task } = measured.evidence.evaluation;
  return [
    ...rules.metrics.map((rule) =>
      gate(`${rule.metric}-${rule.test}`, metricRuleInWords(task, rule), metric(rule, measured)),
    ),
    ...(rules.classes
      ? [gate("classes", classRuleInWords(rules.classes), classes(rules.classes, measured))]
      : []),
    ...rules.sizes.map((rule) =>
      gate(`${rule.measure}-${rule.limit.kind}`, sizeRuleInWords(rule), size(rule, measured)),
    ),
    ...rules.latency.map((rule) =>
      gate(`latency-${rule.batch}-${rule.limit.kind}`, latencyRuleInWords(rule), latency(rule, measured)),
    ),
    gate("samples", "Measured on the whole test set", samples(measured)),
    gate("digest", "Measured bytes are the requested ones", digest(measured)),
  ];
}

function metric(rule: MetricRule, measured: Measured): Verdict {
  if (!measured.production) return NOTHING_SERVES;
  const { n } = measured.evidence.evaluation;
  if (n < rule.minSamples) {
    return notMeasured(
      `n = ${whole(n)}`,
      `Measured on ${whole(n)} samples; the policy wants ${whole(rule.minSamples)}.`,
    );
  }
  return rule.metric === "score" ? score(rule, measured) : beside(rule.metric, rule, measured);
}

function score(rule: MetricRule, { evidence }: Measured): Verdict {
  const { paired, task } = evidence.evaluation;
  if (!paired) return notMeasured("no pairs", "Production was not measured on these samples.");
  const found = rule.test === "bound" ? paired.difference - paired.halfWidth : paired.difference;
  const value = differenceInWords(task, found);
  const mayBe = rule.test === "bound" ? "may be up to" : "is";
  return verdict(
    found >= -rule.worseBy,
    value,
    `The candidate ${mayBe} ${value.replace("−", "")} worse than production.`,
  );
}

/** How much worse than what serves a figure is; null where it was not measured against it. */
function worsening({ name, value, baseline }: Figure): number | null {
  if (name === "agreement") return 1 - value;
  if (name === "kl") return value;
  return baseline === null ? null : value - baseline;
}

function beside(name: Figure["name"], rule: MetricRule, { evidence }: Measured): Verdict {
  const { figures } = evidence.evaluation;
  const figure = figures.find((f) => f.name === name);
  const worse = figure ? worsening(figure) : null;
  const words = METRIC_WORDS[name].name;
  if (worse === null) return notMeasured("not measured", `${words} is not measured on this dataset.`);
  return verdict(
    worse <= rule.worseBy,
    `${plain(worse)} worse`,
    `${words} is ${plain(worse)} worse than production's.`,
  );
}

function classes(rule: z.infer<typeof ClassRule>, { evidence, production, labels }: Measured): Verdict {
  if (!production) return NOTHING_SERVES;
  const { perClass, paired, task } = evidence.evaluation;
  if (perClass.length === 0) {
    return {
      ...notMeasured("no classes", "This dataset's answers are not told apart by class."),
      blocks: false,
    };
  }
  if (!paired) return notMeasured("no pairs", "Production was not measured on these samples.");
  const name = (label: number) => labels[label] ?? String(label);
  const few = perClass.filter(({ n }) => n < rule.minSamples);
  const fallen = perClass
    .filter(({ n }) => n >= rule.minSamples)
    .map(({ label, n, gained, lost }) => ({ label, n, fall: (lost - gained) / n }))
    .toSorted((a, b) => b.fall - a.fall);
  const worst = fallen[0];
  const unmeasured =
    few.length > 0
      ? `Not measured: ${few.map((c) => `${name(c.label)} (n = ${whole(c.n)})`).join(", ")}.`
      : "";
  if (!worst) return { ...notMeasured("too few samples", unmeasured), blocks: false };
  const below = fallen.filter(({ fall }) => fall > rule.worseBy);
  const told = below.map(
    (c) => `${name(c.label)} falls ${differenceInWords(task, c.fall).replace("+", "")} (n = ${whole(c.n)})`,
  );
  return {
    state: below.length === 0 ? "pass" : "fail",
    value: `${name(worst.label)} ${differenceInWords(task, -worst.fall)}`,
    words: [told.length > 0 ? `${told.join(", ")}.` : "", unmeasured].filter(Boolean).join(" "),
  };
}

/** A value against a limit: `found` by itself, `ratio` against what serves. */
function within(
  limit: UpperLimit,
  found: number | null,
  ratio: number | null,
  what: string,
  unit: string,
): Verdict {
  const value = limit.kind === "ratio" ? ratio : found;
  if (value === null) return notMeasured("not measured", `${what} was not measured of both versions.`);
  const text = limit.kind === "ratio" ? `${Math.round(value * 1000) / 10}%` : `${plain(value)}${unit}`;
  return verdict(
    value <= limit.atMost,
    text,
    `${what} is ${text}${limit.kind === "ratio" ? " of production's" : ""}.`,
  );
}

function size({ measure, limit }: z.infer<typeof SizeRule>, { candidate, production }: Measured): Verdict {
  if (limit.kind === "ratio" && !production) return NOTHING_SERVES;
  const of = (weighed: Weighed | null): number | null => {
    if (!weighed) return null;
    if (measure === "macs") return weighed.macs;
    return measure === "file" ? weighed.bytes : (weighed.sizes?.[measure] ?? null);
  };
  const [ours, theirs] = [of(candidate), of(production)];
  const ratio = ours !== null && theirs ? ours / theirs : null;
  const what = {
    file: "The file",
    zstd19: "zstd-19",
    sparse: "Sparse-encoded",
    packed: "Packed",
    macs: "MACs",
  };
  return within(limit, ours, ratio, what[measure], measure === "macs" ? "" : " B");
}

function latency({ batch, limit }: z.infer<typeof LatencyRule>, { evidence, production }: Measured): Verdict {
  if (limit.kind === "ratio" && !production) return NOTHING_SERVES;
  const found = evidence.evaluation.latency.find((l) => l.batch === batch);
  return within(
    limit,
    found?.p50Ms ?? null,
    found?.ratioHigh ?? found?.ratio ?? null,
    `Latency of batch ${batch}`,
    " ms",
  );
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

export interface Tally {
  given: number;
  needed: number;
  /** Roles that nobody who approved holds. */
  missingRoles: readonly Role[];
  isComplete: boolean;
}

/** How far approvals that still hold have come; one person counts once. */
export function tally(
  rule: ApprovalRule,
  holding: readonly { approverId: string; roles: readonly Role[] }[],
): Tally {
  const given = new Set(holding.map((a) => a.approverId)).size;
  const missingRoles = rule.roles.filter((role) => !holding.some((a) => a.roles.includes(role)));
  return {
    given,
    needed: rule.count,
    missingRoles,
    isComplete: given >= rule.count && missingRoles.length === 0,
  };
}

/** "1 of 2 approvals; still needs an operator". */
export function tallyInWords({ given, needed, missingRoles }: Tally): string {
  const roles = missingRoles.length > 0 ? `; still needs someone who is ${missingRoles.join(", and ")}` : "";
  return `${given} of ${needed} ${needed === 1 ? "approval" : "approvals"}${roles}`;
}
