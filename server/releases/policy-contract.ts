/** Policies: what an environment asks of a version, as admins set it. Fractions and ratios, never percent. */
import { z } from "zod";
import { type DatasetTask, TASKS } from "../datasets/contract";
import { Environment } from "../gateway/contract";
import { Count, Id } from "../platform/atoms";
import { Role } from "../platform/permissions";

/** The dataset's own score, or a figure beside it. A score is better when higher; each of the others says so below. */
export const Metric = z.enum(["score", "mae", "agreement", "kl"]);
export type Metric = z.infer<typeof Metric>;

export const METRIC_WORDS: Record<Metric, { name: string; better: "higher" | "lower" }> = {
  score: { name: "Score", better: "higher" },
  mae: { name: "Mean absolute error", better: "lower" },
  agreement: { name: "Same largest output", better: "higher" },
  kl: { name: "Output KL, nats", better: "lower" },
};

/** At most `worseBy` worse than what serves, on at least `minSamples` of the same samples. */
export const MetricRule = z
  .object({
    metric: Metric,
    worseBy: z.number().min(0, "enter 0 or more").max(1000),
    /** The end of the 95% interval that is worse for the candidate, or the measured value. */
    test: z.enum(["bound", "point"]),
    minSamples: Count,
  })
  .refine((rule) => rule.metric === "score" || rule.test === "point", {
    message: "only the score has an interval; test the value",
    path: ["test"],
  });
export type MetricRule = z.infer<typeof MetricRule>;

const positive = z.number().positive("enter more than 0");
/** Against what serves (1.05: 5% more), or by itself in the measure's own unit. */
export const UpperLimit = z.object({ kind: z.enum(["ratio", "absolute"]), atMost: positive });
export type UpperLimit = z.infer<typeof UpperLimit>;

export const SizeMeasure = z.enum(["file", "zstd19", "sparse", "packed", "macs"]);
export type SizeMeasure = z.infer<typeof SizeMeasure>;
/** Bytes; of `macs`, multiply-accumulates of one sample. */
export const SizeRule = z.object({ measure: SizeMeasure, limit: UpperLimit });
/** Median milliseconds; a ratio is tested by the 95th percentile of its interleaved pairs. */
export const LatencyRule = z.object({ batch: z.number().int().positive().max(4096), limit: UpperLimit });

/** Recall of each class: classes with fewer samples are told as not measured and hold nothing up. */
export const ClassRule = z.object({
  worseBy: z.number().min(0, "enter 0 or more").max(1, "enter at most 100 points"),
  minSamples: z.number().int().min(1, "enter 1 or more"),
});

/**
 * The score of each slice of the dataset: at least so much, at most so much worse than what serves. Slices with fewer
 * samples are told as not measured and hold nothing up; a dataset without slices does.
 */
export const SliceRule = z
  .object({
    atLeast: z.number().max(1, "enter at most 100 percent").nullable(),
    worseBy: z.number().min(0, "enter 0 or more").max(1000).nullable(),
    /** The end of the 95% interval that is worse for the candidate, or the measured value. */
    test: z.enum(["bound", "point"]),
    minSamples: z.number().int().min(1, "enter 1 or more"),
  })
  .refine(({ atLeast, worseBy }) => atLeast !== null || worseBy !== null, {
    message: "enter a floor, a largest loss, or both",
    path: ["atLeast"],
  });
export type SliceRule = z.infer<typeof SliceRule>;

/** What a version must have served staging for before production approves it: hours, and requests there. */
export const StagingRule = z.object({
  hours: z.number().min(0, "enter 0 or more").max(720, "at most 30 days, 720 hours"),
  requests: Count,
});
export type StagingRule = z.infer<typeof StagingRule>;

/** How many different people approve, and roles of which at least one of them holds each. */
export const ApprovalRule = z
  .object({
    /** 0, in staging alone: what no gate holds up is released by itself. */
    count: z.number().int().min(0, "enter 0 or more").max(9, "at most 9 people approve"),
    roles: z.array(Role).max(5),
  })
  .refine(({ count, roles }) => count > 0 || roles.length === 0, {
    message: "roles are asked of people: let at least one approve",
    path: ["count"],
  });
export type ApprovalRule = z.infer<typeof ApprovalRule>;

export const WEEKDAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;
export const Weekday = z.enum(WEEKDAYS);
export type Weekday = z.infer<typeof Weekday>;

const DAY_MINUTES = 1440;
/** "18:30" in minutes of the day; "24:00" is its end. */
export const minutesOf = (time: string): number => {
  const [hours = 0, minutes = 0] = time.split(":").map(Number);
  return hours * 60 + minutes;
};
const Time = z
  .string()
  .regex(/^\d{2}:\d{2}$/, "enter a time such as 18:00")
  .refine((text) => minutesOf(text) <= DAY_MINUTES && Number(text.slice(3)) < 60, "there is no such time");

/** An end before its begin lies on the next day. */
export const WeeklyWindow = z
  .object({ days: z.array(Weekday).min(1, "choose a day"), from: Time, to: Time })
  .refine(({ from, to }) => minutesOf(from) !== minutesOf(to), {
    message: "ends when it begins; for a whole day enter 00:00 to 24:00",
    path: ["to"],
  });

const LocalMoment = z
  .string()
  .regex(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}$/, "enter a day and a time")
  .refine((text) => new Date(`${text}Z`).toJSON()?.startsWith(text) === true, "there is no such day");
export const DatedWindow = z
  .object({ from: LocalMoment, to: LocalMoment, why: z.string().trim().min(1, "say why").max(120) })
  .refine(({ from, to }) => from < to, { message: "ends before it begins", path: ["to"] });

const isTimeZone = (zone: string): boolean => {
  try {
    new Intl.DateTimeFormat("en-US", { timeZone: zone });
    return true;
  } catch {
    return false;
  }
};

/** Whether weekly windows leave a minute of the week open. */
function leavesTime(weekly: readonly z.infer<typeof WeeklyWindow>[]): boolean {
  const week = new Uint8Array(7 * DAY_MINUTES);
  for (const { days, from, to } of weekly) {
    const [start, end] = [minutesOf(from), minutesOf(to)];
    const length = end > start ? end - start : end - start + DAY_MINUTES;
    for (const day of days) {
      const first = WEEKDAYS.indexOf(day) * DAY_MINUTES + start;
      for (let minute = first; minute < first + length; minute += 1) week[minute % week.length] = 1;
    }
  }
  return week.includes(0);
}

/** When nobody approves, by the clocks of one place. */
export const Freeze = z.object({
  timeZone: z.string().max(64).refine(isTimeZone, "enter an IANA time zone such as Europe/Berlin"),
  weekly: z.array(WeeklyWindow).max(20).refine(leavesTime, "no time of the week is left to approve in"),
  dated: z.array(DatedWindow).max(50),
});
export type Freeze = z.infer<typeof Freeze>;

const unique = <T>(values: readonly T[], key: (value: T) => string): boolean =>
  new Set(values.map(key)).size === values.length;

export const PolicyRules = z.object({
  metrics: z
    .array(MetricRule)
    .max(8)
    .refine((rules) => unique(rules, (r) => `${r.metric} ${r.test}`), "the same metric is tested twice"),
  sizes: z
    .array(SizeRule)
    .max(10)
    .refine(
      (rules) => unique(rules, (r) => `${r.measure} ${r.limit.kind}`),
      "the same size is limited twice",
    ),
  latency: z
    .array(LatencyRule)
    .max(10)
    .refine((rules) => unique(rules, (r) => `${r.batch} ${r.limit.kind}`), "the same batch is limited twice"),
  classes: ClassRule.nullable(),
  slices: SliceRule.nullable().default(null),
  approvals: ApprovalRule,
  freeze: Freeze.nullable(),
  /** Minutes that what serves must have served without an alarm before another version is approved over it. */
  bakeMinutes: z.number().int().min(0).max(10_080, "at most a week, 10,080 minutes"),
  staging: StagingRule.nullable().default(null),
});
export type PolicyRules = z.infer<typeof PolicyRules>;

/** The rules that an environment may have: nothing reaches production without a person who agrees. */
export const rulesFor = (environment: Environment) =>
  environment === "staging"
    ? PolicyRules.extend({ staging: z.null("only production asks for what served staging").default(null) })
    : PolicyRules.extend({
        approvals: ApprovalRule.refine(({ count }) => count > 0, {
          message: "at least one person approves",
          path: ["count"],
        }),
      });

/** A revision of the rules of an environment: of one model, or of every model that has none of its own. */
export const Policy = z.object({
  name: z.string(),
  /** 0: nobody has ever set one, and this is what the product comes with. */
  revision: Count,
  environment: Environment,
  modelId: Id.nullable(),
  /** Of a model that had its own and gave it up: the revision that did. */
  ownUntil: Count,
  rules: PolicyRules,
});
export type Policy = z.infer<typeof Policy>;

export const PolicyScope = z.object({
  environment: Environment.default("production"),
  modelId: Id.nullable(),
});
/** `basedOn` is the revision that the person edited. Rules of null: this model follows the team's policy again. */
export const SavePolicy = PolicyScope.extend({ basedOn: Count, rules: PolicyRules.nullable() }).superRefine(
  ofItsEnvironment,
);
export const PreviewPolicy = PolicyScope.extend({ rules: PolicyRules }).superRefine(ofItsEnvironment);

function ofItsEnvironment(
  { environment, rules }: { environment: Environment; rules: PolicyRules | null },
  ctx: z.RefinementCtx,
): void {
  const { error } = rulesFor(environment).nullable().safeParse(rules);
  for (const { message, path } of error?.issues ?? [])
    ctx.addIssue({ code: "custom", message, path: ["rules", ...path] });
}

export const DEFAULT_RULES: PolicyRules = {
  metrics: [{ metric: "score", worseBy: 0.01, test: "bound", minSamples: 0 }],
  sizes: [{ measure: "file", limit: { kind: "ratio", atMost: 1.05 } }],
  latency: [],
  classes: null,
  slices: null,
  approvals: { count: 1, roles: [] },
  freeze: null,
  bakeMinutes: 0,
  staging: null,
};

/** The gates of production, so that they are known before anybody asks for it, and nobody to wait for. */
export const STAGING_RULES: PolicyRules = { ...DEFAULT_RULES, approvals: { count: 0, roles: [] } };

/** A difference in the words of a task: "−0.51 pt", or "−0.0051" of a figure that is no share. */
export function differenceInWords(task: DatasetTask, fraction: number): string {
  const { isShare } = TASKS[task];
  const text = isShare ? Math.abs(fraction * 100).toFixed(2) : Math.abs(fraction).toFixed(4);
  const sign = Number(text) === 0 ? "" : fraction < 0 ? "−" : "+";
  return `${sign}${text}${isShare ? " pt" : ""}`;
}

/** The least difference that a rule allows, a digit shorter where that is all of it: "−1.0 pt", "−0.010". */
export const floorInWords = (task: DatasetTask, { worseBy }: Pick<MetricRule, "worseBy">): string =>
  differenceInWords(task, -worseBy).replace(/0(?= pt$|$)/, "");

const whole = (n: number) => n.toLocaleString("en-US");

/** "R², lower bound ≥ −0.010", "Mean absolute error at most 0.2 worse". */
export function metricRuleInWords(task: DatasetTask, rule: MetricRule): string {
  const onlyWith = rule.minSamples > 0 ? `, n ≥ ${whole(rule.minSamples)}` : "";
  if (rule.metric !== "score")
    return `${METRIC_WORDS[rule.metric].name} at most ${rule.worseBy} worse${onlyWith}`;
  const bound = rule.test === "bound" ? ", lower bound" : "";
  return `${TASKS[task].figure}${bound} ≥ ${floorInWords(task, rule)}${onlyWith}`;
}

const SIZE_WORDS: Record<SizeMeasure, string> = {
  file: "File",
  zstd19: "zstd-19",
  sparse: "Sparse-encoded",
  packed: "Packed",
  macs: "MACs",
};
const limitInWords = ({ kind, atMost }: UpperLimit, unit: string): string =>
  kind === "ratio" ? `${Math.round(atMost * 1000) / 10}% of production's` : `${whole(atMost)}${unit}`;

export const sizeRuleInWords = ({ measure, limit }: z.infer<typeof SizeRule>): string =>
  `${SIZE_WORDS[measure]} at most ${limitInWords(limit, measure === "macs" ? "" : " B")}`;
export const latencyRuleInWords = ({ batch, limit }: z.infer<typeof LatencyRule>): string =>
  `Latency of batch ${batch}${limit.kind === "ratio" ? ", upper bound" : ""} at most ${limitInWords(limit, " ms")}`;
export const classRuleInWords = ({ worseBy, minSamples }: z.infer<typeof ClassRule>): string =>
  `Recall of each class falls at most ${differenceInWords("classification", worseBy)
    .replace("+", "")
    .replace(/0(?= pt$)/, "")}${minSamples > 1 ? `, n ≥ ${whole(minSamples)}` : ""}`;

/** "91.68%", or "0.9168" of a figure that is no share. */
export const scoreInWords = (task: DatasetTask, score: number): string =>
  TASKS[task].isShare ? `${(score * 100).toFixed(2)}%` : score.toFixed(4);

const sliceTestInWords = ({ test, minSamples }: SliceRule): string =>
  `${test === "bound" ? ", lower bound" : ""}${minSamples > 1 ? `, n ≥ ${whole(minSamples)}` : ""}`;
/** "Accuracy of each slice ≥ 90%, lower bound, n ≥ 100". */
export const sliceFloorInWords = (task: DatasetTask, rule: SliceRule, atLeast: number): string =>
  `${TASKS[task].figure} of each slice ≥ ${scoreInWords(task, atLeast).replace(/\.?0+(?=%$|$)/, "")}${sliceTestInWords(rule)}`;
export const sliceLossInWords = (task: DatasetTask, rule: SliceRule, worseBy: number): string =>
  `Each slice, against production ≥ ${floorInWords(task, { worseBy })}${sliceTestInWords(rule)}`;
/** The rule as its one or two gates. */
export const sliceRuleInWords = (task: DatasetTask, rule: SliceRule): string[] => [
  ...(rule.atLeast === null ? [] : [sliceFloorInWords(task, rule, rule.atLeast)]),
  ...(rule.worseBy === null ? [] : [sliceLossInWords(task, rule, rule.worseBy)]),
];

export const bakeInWords = ({ bakeMinutes }: Pick<PolicyRules, "bakeMinutes">): string =>
  `What serves has served for ${whole(bakeMinutes)} min without an alarm`;

export const stagingInWords = ({ hours, requests }: StagingRule): string =>
  `Has served staging for ${whole(hours)} h${requests > 0 ? ` and ${whole(requests)} requests` : ""}, with no replicas given up`;

/** "2 people, one of them operator". */
export function approvalsInWords({ count, roles }: ApprovalRule): string {
  if (count === 0) return "nobody";
  const people = count === 1 ? "1 person" : `${count} people`;
  return roles.length === 0 ? people : `${people}, among them ${roles.join(" and ")}`;
}

/** Every rule as a line, for whoever is about to ask. */
export const rulesInWords = (task: DatasetTask, rules: PolicyRules): string[] => [
  ...rules.metrics.map((rule) => metricRuleInWords(task, rule)),
  ...(rules.classes ? [classRuleInWords(rules.classes)] : []),
  ...(rules.slices ? sliceRuleInWords(task, rules.slices) : []),
  ...rules.sizes.map(sizeRuleInWords),
  ...rules.latency.map(latencyRuleInWords),
  ...(rules.bakeMinutes > 0 ? [bakeInWords(rules)] : []),
  ...(rules.staging ? [stagingInWords(rules.staging)] : []),
  "Measured on the whole test set",
  "Measured bytes are the requested ones",
];
