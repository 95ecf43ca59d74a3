/** How a release reaches all of the traffic, what ends it by itself, and who served when. */
import { z } from "zod";
import { Environment } from "../gateway/contract";
import { Count, Fraction, Id } from "../platform/atoms";

/** Limits beyond which a rollout ends by itself. Rates are fractions. */
export const AlarmRules = z.object({
  /** Errors of the new version: at least this rate and this many times the old one's, over so many requests. */
  errorRate: z.number().min(0.0001).max(1).default(0.02),
  errorFactor: z.number().min(1).max(100).default(2),
  minRequests: z.number().int().min(1).max(100_000).default(50),
  /** p99 of the new version, in times of the old one's. */
  latencyFactor: z.number().min(1.1).max(100).default(2),
  /** Share of mirrored requests that both answer alike, over so many compared. */
  agreement: Fraction.default(0.95),
  minCompared: z.number().int().min(1).max(100_000).default(100),
});
export type AlarmRules = z.infer<typeof AlarmRules>;

const rules = AlarmRules.prefault({});
const Minutes = z.number().int().min(1, "at least a minute").max(1440, "at most a day");
const Percent = z.number().int().min(1).max(100);

export const Steps = z
  .array(Percent)
  .min(1)
  .max(10)
  .refine((steps) => steps.at(-1) === 100, "the last step is 100%")
  .refine((steps) => steps.every((step, i) => i === 0 || step > (steps[i - 1] ?? 0)), "each step is larger");

/** How traffic moves to a release; agreed with its approval. */
export const Strategy = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("at_once") }),
  /** Shares in percent, each for at least `bakeMinutes`; goes on by itself only where `auto` says so. */
  z.object({ kind: z.literal("canary"), steps: Steps, bakeMinutes: Minutes, auto: z.boolean(), rules }),
  /** A share of the requests is mirrored for a while; then all of the traffic moves at once. */
  z.object({ kind: z.literal("shadow"), percent: Percent, minutes: Minutes, rules }),
]);
export type Strategy = z.infer<typeof Strategy>;
export const AT_ONCE: Strategy = { kind: "at_once" };
/** A strategy that takes time. */
export type Gradual = Exclude<Strategy, { kind: "at_once" }>;

export const DEFAULT_CANARY = { steps: [5, 25, 50, 100], bakeMinutes: 10, auto: false } as const;
export const DEFAULT_SHADOW = { percent: 20, minutes: 30 } as const;

/** preparing → shadow or canary, step by step → baking (alone, still watched) → done; aborted from anywhere before. */
export const Phase = z.enum(["preparing", "shadow", "canary", "baking", "done", "aborted"]);
export type Phase = z.infer<typeof Phase>;

export const Move = z.enum(["next", "back", "hold", "resume", "abort"]);
export type Move = z.infer<typeof Move>;

/** A press on a rollout. `phase` and `step` are what the person saw: a press on something else is refused. */
const Pressed = z.object({ rolloutId: Id, phase: Phase, step: Count });
export const AdvanceRollout = Pressed.extend({ move: z.enum(["next", "resume"]) });
export const RestrainRollout = Pressed.extend({
  move: z.enum(["back", "hold", "abort"]),
  reason: z.string().trim().max(1000).default(""),
});

export const RuleId = z.enum(["errors", "latency", "agreement"]);
/** Where a rule stands: what was found against its limit. */
export const Reading = z.object({
  rule: RuleId,
  /** The rule with its limit. */
  label: z.string(),
  /** What was found last; null while there is too little to say. */
  value: z.number().nullable(),
  limit: z.number().nullable(),
  /** With its numbers. */
  words: z.string(),
  /** Windows of the last ones in which it was beyond its limit. */
  beyond: Count,
  fires: z.boolean(),
});
export type Reading = z.infer<typeof Reading>;

/** A rule that fired, with the data it fired on. */
export const Firing = Reading.extend({ at: z.iso.datetime(), data: z.json() });
export type Firing = z.infer<typeof Firing>;

export const ServedAtInput = z.object({
  model: z.string().min(1).max(64),
  environment: Environment.default("production"),
  at: z.coerce.date(),
});

/** "5%, 25%, 50%, 100%, each for 10 min or more, by a press", for forms, requests and the audit. */
export function strategyInWords(strategy: Strategy): string {
  if (strategy.kind === "at_once") return "all traffic at once";
  if (strategy.kind === "shadow")
    return `${strategy.percent}% of the requests mirrored for ${strategy.minutes} min, then all traffic at once`;
  const { steps, bakeMinutes, auto } = strategy;
  const shares = steps.map((step) => `${step}%`).join(", ");
  return `canary of ${shares}, ${bakeMinutes} min each, ${auto ? "going on by itself" : "each by a press"}`;
}
