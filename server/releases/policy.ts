/** The gates of a promotion: a policy, what was measured, and a verdict for each rule. Pure. */

import type { z } from "zod";
import type { DatasetTask } from "../datasets/contract";
import type { Figure } from "../models/contract";
import { digestOf } from "../platform/canonical";
import type { Role } from "../platform/permissions";
import type { Environment, Gate } from "./contract";
import {
  type ApprovalRule,
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
  type SliceRule,
  STAGING_RULES,
  sizeRuleInWords,
  sliceFloorInWords,
  sliceLossInWords,
  type UpperLimit,
} from "./policy-contract";
import { classes, sliceFloor, sliceLoss } from "./policy-groups";
import {
  type Measured,
  NOTHING_SERVES,
  notMeasured,
  plain,
  type Verdict,
  verdict,
  type Weighed,
  whole,
} from "./verdict";

/** What the product comes with. */
export const defaultPolicy = (environment: Environment): Policy => ({
  name: `${environment}-default`,
  revision: 0,
  environment,
  modelId: null,
  ownUntil: 0,
  rules: environment === "production" ? DEFAULT_RULES : STAGING_RULES,
});

/** What approvals are bound to. Revisions are part of it: rules that return do not bring old approvals back. */
export const policyDigest = ({ name: _, ...bound }: Policy): string => digestOf(bound);

/** Every gate of the policy with its verdict. A gate blocks unless it passes or there is nothing to compare with. */
export function judge({ rules }: Policy, measured: Measured): Gate[] {
  const gate = (id: string, label: string, v: Verdict): Gate => ({
    id,
    label,
    state: v.state,
    value: v.value,
    words: v.words,
    blocks: v.blocks ?? v.state !== "pass",
    until: null,
  });
  const { task } = measured.evidence.evaluation;
  return [
    ...rules.metrics.map((rule) =>
      gate(`${rule.metric}-${rule.test}`, metricRuleInWords(task, rule), metric(rule, measured)),
    ),
    ...(rules.classes
      ? [gate("classes", classRuleInWords(rules.classes), classes(rules.classes, measured))]
      : []),
    ...(rules.slices ? sliceGates(task, rules.slices, measured, gate) : []),
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

function sliceGates(
  task: DatasetTask,
  rule: SliceRule,
  measured: Measured,
  gate: (id: string, label: string, v: Verdict) => Gate,
): Gate[] {
  const { atLeast, worseBy } = rule;
  return [
    ...(atLeast === null
      ? []
      : [gate("slices-floor", sliceFloorInWords(task, rule, atLeast), sliceFloor(rule, atLeast, measured))]),
    ...(worseBy === null
      ? []
      : [gate("slices-loss", sliceLossInWords(task, rule, worseBy), sliceLoss(rule, worseBy, measured))]),
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
