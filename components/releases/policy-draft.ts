/** A policy while it is edited: numbers as people type them, in points and percent. Pure. */
import type { Role } from "@/server/identity/contract";
import type { Environment } from "@/server/releases/contract";
import {
  type Metric,
  type PolicyRules as Rules,
  rulesFor,
  type SizeMeasure,
  type UpperLimit,
  type Weekday,
} from "@/server/releases/policy-contract";

type LimitKind = UpperLimit["kind"];
export interface Draft {
  metrics: { metric: Metric; worseBy: string; test: "bound" | "point"; minSamples: string }[];
  sizes: { measure: SizeMeasure; kind: LimitKind; atMost: string }[];
  latency: { batch: string; kind: LimitKind; atMost: string }[];
  classes: { isOn: boolean; worseBy: string; minSamples: string };
  /** An empty limit asks for none. */
  slices: { isOn: boolean; atLeast: string; worseBy: string; test: "bound" | "point"; minSamples: string };
  approvals: { count: string; roles: Role[] };
  freeze: {
    isOn: boolean;
    timeZone: string;
    weekly: { days: Weekday[]; from: string; to: string }[];
    dated: { from: string; to: string; why: string }[];
  };
  bakeMinutes: string;
  staging: { isOn: boolean; hours: string; requests: string };
}

/** Points and percent of fractions without the digits that floating point adds. */
const scaled = (value: number, by: number): number => Number((value * by).toPrecision(12));
const number = (text: string): number => (text.trim() === "" ? Number.NaN : Number(text.replace(",", ".")));
/** The score's difference is typed in points; every other figure in its own unit. */
const scaleOf = (metric: Metric): number => (metric === "score" ? 100 : 1);

/** Hundredths as people type them; empty for none. */
const points = (value: number | null): string => (value === null ? "" : String(scaled(value, 100)));
const fraction = (text: string): number | null => (text.trim() === "" ? null : scaled(number(text), 0.01));

const limitDraft = ({ kind, atMost }: UpperLimit) => ({
  kind,
  atMost: String(kind === "ratio" ? scaled(atMost, 100) : atMost),
});
const limitOf = ({ kind, atMost }: { kind: LimitKind; atMost: string }) => ({
  kind,
  atMost: kind === "ratio" ? scaled(number(atMost), 0.01) : number(atMost),
});

export const draftOf = (rules: Rules): Draft => ({
  metrics: rules.metrics.map((rule) => ({
    ...rule,
    worseBy: String(scaled(rule.worseBy, scaleOf(rule.metric))),
    minSamples: String(rule.minSamples),
  })),
  sizes: rules.sizes.map(({ measure, limit }) => ({ measure, ...limitDraft(limit) })),
  latency: rules.latency.map(({ batch, limit }) => ({ batch: String(batch), ...limitDraft(limit) })),
  classes: {
    isOn: rules.classes !== null,
    worseBy: String(scaled(rules.classes?.worseBy ?? 0.03, 100)),
    minSamples: String(rules.classes?.minSamples ?? 100),
  },
  slices: {
    isOn: rules.slices !== null,
    atLeast: points(rules.slices?.atLeast ?? null),
    worseBy: points(rules.slices ? rules.slices.worseBy : 0.02),
    test: rules.slices?.test ?? "point",
    minSamples: String(rules.slices?.minSamples ?? 100),
  },
  approvals: { count: String(rules.approvals.count), roles: [...rules.approvals.roles] },
  freeze: {
    isOn: rules.freeze !== null,
    timeZone: rules.freeze?.timeZone ?? "UTC",
    weekly: (rules.freeze?.weekly ?? []).map((w) => ({ ...w, days: [...w.days] })),
    dated: (rules.freeze?.dated ?? []).map((w) => ({ ...w })),
  },
  bakeMinutes: String(rules.bakeMinutes),
  staging: {
    isOn: rules.staging !== null,
    hours: String(rules.staging?.hours ?? 24),
    requests: String(rules.staging?.requests ?? 0),
  },
});

export interface Read {
  /** Null while something is wrong. */
  rules: Rules | null;
  /** What is wrong, by path: "metrics.0.worseBy". */
  errors: Readonly<Record<string, string>>;
}

/** The rules that a draft means, or what is wrong with it, field by field. */
export function readDraft(environment: Environment, draft: Draft): Read {
  const parsed = rulesFor(environment).safeParse({
    metrics: draft.metrics.map((rule) => ({
      ...rule,
      worseBy: scaled(number(rule.worseBy), 1 / scaleOf(rule.metric)),
      minSamples: number(rule.minSamples),
    })),
    sizes: draft.sizes.map(({ measure, ...limit }) => ({ measure, limit: limitOf(limit) })),
    latency: draft.latency.map(({ batch, ...limit }) => ({ batch: number(batch), limit: limitOf(limit) })),
    classes: draft.classes.isOn
      ? { worseBy: scaled(number(draft.classes.worseBy), 0.01), minSamples: number(draft.classes.minSamples) }
      : null,
    slices: draft.slices.isOn
      ? {
          atLeast: fraction(draft.slices.atLeast),
          worseBy: fraction(draft.slices.worseBy),
          test: draft.slices.test,
          minSamples: number(draft.slices.minSamples),
        }
      : null,
    approvals: { count: number(draft.approvals.count), roles: draft.approvals.roles },
    freeze: draft.freeze.isOn
      ? { timeZone: draft.freeze.timeZone.trim(), weekly: draft.freeze.weekly, dated: draft.freeze.dated }
      : null,
    bakeMinutes: number(draft.bakeMinutes),
    staging: draft.staging.isOn
      ? { hours: number(draft.staging.hours), requests: number(draft.staging.requests) }
      : null,
  });
  if (parsed.success) return { rules: parsed.data, errors: {} };
  const errors: Record<string, string> = {};
  for (const { path, message } of parsed.error.issues) {
    const words = message.startsWith("Invalid input") ? "enter a number" : message;
    errors[path.filter((part) => part !== "limit").join(".")] ??= words;
  }
  return { rules: null, errors };
}
