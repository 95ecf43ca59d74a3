/** Rules that people write: a series of the catalogue, a condition on it, and who hears of it. */
import { z } from "zod";
import { Id } from "../platform/atoms";
import { STARTER_NAMES } from "./starter-contract";

export interface SeriesKind {
  name: string;
  /** What it has one line for each of. */
  of: "node" | "pool" | "cluster" | "model" | "run" | "team";
  unit: string;
  /** Points come at least so often; one that is older than three times that is no value any more. */
  everySeconds: number;
  /** Absence is told only of what can be absent. */
  hasGaps: boolean;
  /** Whether its past is known: a preview plays nothing of one that is not kept. */
  isKept: boolean;
}

const of = (
  what: SeriesKind["of"],
  name: string,
  unit: string,
  {
    every = 60,
    hasGaps = false,
    isKept = true,
  }: { every?: number; hasGaps?: boolean; isKept?: boolean } = {},
): SeriesKind => ({ name, of: what, unit, everySeconds: every, hasGaps, isKept });
const gaps = { hasGaps: true };
/** A run logs as it likes; one that logs less often than this is told as silent. */
const logged = { every: 100, hasGaps: true };

export const SERIES = {
  "node.cpu": of("node", "CPU of a node", "%", gaps),
  "node.gpu": of("node", "GPUs of a node", "%", gaps),
  "node.memory": of("node", "Memory of a node", "%", gaps),
  "node.disk": of("node", "Disk of a node", "%", gaps),
  "pool.cpu": of("pool", "CPU of a pool", "%", gaps),
  "pool.gpu": of("pool", "GPUs of a pool", "%", gaps),
  "pool.memory": of("pool", "Memory of a pool", "%", gaps),
  "cluster.cpu": of("cluster", "CPU of the cluster", "%", gaps),
  "cluster.gpu": of("cluster", "GPUs of the cluster", "%", gaps),
  "cluster.memory": of("cluster", "Memory of the cluster", "%", gaps),
  "cluster.nodes": of("cluster", "Nodes that are up", ""),
  "demand.waiting": of("cluster", "Demand that waits", ""),
  "agent.silence": of("cluster", "Silence of the agent", "s", { isKept: false }),
  "gateway.requests": of("model", "Requests to a model", "/s"),
  "gateway.errors": of("model", "Requests that fail", "%", gaps),
  "gateway.p99": of("model", "p99 of a model", "ms", gaps),
  "replicas.ready": of("model", "Replicas that are ready", ""),
  "run.metric": of("run", "A metric of running runs", "", logged),
  "run.step_time": of("run", "Step time of running runs", "ms", logged),
  "run.queue_wait": of("run", "Time that a run waits", "min"),
  "run.failures": of("team", "Runs that failed within the hour", ""),
} as const satisfies Record<string, SeriesKind>;

export type Series = keyof typeof SERIES;
const isSeries = (name: string): name is Series => Object.hasOwn(SERIES, name);
export const SERIES_NAMES: readonly Series[] = Object.keys(SERIES).filter(isSeries);
export const Series = z.string().refine(isSeries, {
  abort: true,
  error: ({ input }) => `there is no series ${String(input).slice(0, 60)}; choose one of the list`,
});

/** Seconds without a point after which nothing is known. */
export const staleSeconds = (series: Series): number => 3 * SERIES[series].everySeconds;

const figure = z.number().min(-1e15, "at least −1e15").max(1e15, "at most 1e15");
const minutes = z.number().int("enter whole minutes").max(720, "at most 12 hours");

export const Condition = z.discriminatedUnion("kind", [
  /** Beyond a value for so long; over once it is back at `clear`, which is the value itself where it is null. */
  z.object({
    kind: z.literal("threshold"),
    side: z.enum(["above", "below"]),
    value: figure,
    minutes: minutes.min(0, "0 or more"),
    clear: figure.nullable(),
  }),
  /** No value for so long. */
  z.object({ kind: z.literal("absence"), minutes: minutes.min(1, "at least a minute") }),
  /** By more than so much within so long; over once it is less than half of that. */
  z.object({
    kind: z.literal("rate"),
    direction: z.enum(["rises", "falls"]),
    by: figure.positive("more than 0"),
    minutes: minutes.min(1, "at least a minute"),
  }),
]);
export type Condition = z.infer<typeof Condition>;

/** What a rule looks at. */
const looked = {
  series: Series,
  /** The name of the metric, for `run.metric` alone. */
  metric: z.string().trim().min(1).max(200).nullable(),
  /** One of what the series has lines for; null is all of them. */
  subject: z.string().min(1).max(200).nullable(),
  condition: Condition,
};
interface Looked {
  series: Series;
  metric: string | null;
  condition: Condition;
}

/** What no field shows by itself. */
function agree({ series, metric, condition }: Looked, context: z.RefinementCtx): void {
  const wrong = (path: string[], message: string) => context.addIssue({ code: "custom", path, message });
  const { name, everySeconds, hasGaps } = SERIES[series];
  if (series === "run.metric" && !metric) wrong(["metric"], "name the metric, such as train/loss");
  if (condition.kind === "threshold" && condition.clear !== null) {
    const { side, value, clear } = condition;
    if (side === "above" ? clear > value : clear < value)
      wrong(
        ["condition", "clear"],
        `it clears ${side === "above" ? "at or below" : "at or above"} ${value}, the value it fires ${side}`,
      );
  }
  if (condition.kind === "absence") {
    if (!hasGaps) wrong(["series"], `${name}: a value is always known, so it is never absent`);
    else if (condition.minutes * 60 < staleSeconds(series))
      wrong(
        ["condition", "minutes"],
        `values come every ${everySeconds} s; enter at least ${Math.ceil(staleSeconds(series) / 60)} min`,
      );
  }
}

/** A rule that is tried out. */
export const PreviewRule = z.object(looked).superRefine(agree);
export type Preview = z.infer<typeof PreviewRule>;

/** Null: every webhook that hears of alarms. The console always hears. */
const webhooks = z.array(Id).max(20).nullable();

export const RuleDraft = z
  .object({
    ...looked,
    name: z.string().trim().min(3, "at least 3 characters").max(80),
    note: z.string().trim().max(1000).default(""),
    severity: z.enum(["bad", "warning"]),
    webhooks,
    isOn: z.boolean().default(true),
  })
  .superRefine(agree);
export type RuleDraft = z.infer<typeof RuleDraft>;

export const RuleId = z.object({ ruleId: Id });
/** Null id: a new one. `revision`: the one that was read, so that nobody's change is written over unseen. */
export const SaveRule = z.object({
  ruleId: Id.nullable(),
  revision: z.number().int().nonnegative(),
  rule: RuleDraft,
});
export const SwitchRule = RuleId.extend({ revision: z.number().int().positive(), isOn: z.boolean() });
export const RemoveRule = RuleId.extend({ isRemoved: z.boolean() });
export const SetStarter = z.object({
  starter: z.enum(STARTER_NAMES),
  /** 0 where nobody changed it yet. */
  revision: z.number().int().nonnegative(),
  isOn: z.boolean(),
  limits: z.record(z.string(), z.number("a number is needed")),
  webhooks,
});

const unitOf = (series: Series): string => {
  const { unit } = SERIES[series];
  return unit === "" || unit === "%" || unit === "/s" ? unit : ` ${unit}`;
};
/** "93%", "412 ms". */
export const valueSays = (series: Series, value: number): string =>
  `${Number(value.toPrecision(4)).toLocaleString("en-US")}${unitOf(series)}`;

/** "above 90% for 5 min, until 85%". */
export function conditionSays(series: Series, condition: Condition): string {
  const say = (value: number) => valueSays(series, value);
  if (condition.kind === "absence") return `no value for ${condition.minutes} min`;
  if (condition.kind === "rate")
    return `${condition.direction} by more than ${say(condition.by)} within ${condition.minutes} min`;
  const { side, value, minutes: lasting, clear } = condition;
  const until = clear === null || clear === value ? "" : `, until ${say(clear)}`;
  return `${side} ${say(value)}${lasting > 0 ? ` for ${lasting} min` : ""}${until}`;
}
