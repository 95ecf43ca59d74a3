/** What is wrong now, the worst first, and production before the rest. Pure: facts in, sentences out; each names its cause and where to look. */

import { STARTER_LIMITS, STARTERS, type Starter, type StarterLimits } from "../alerts/starter-contract";
import { dollars } from "../platform/money";
import { type ClusterFacts, ofDisks, ofLaggards, ofLimit } from "./cluster-problems";

export interface Problem {
  /** `<rule>:<subject>`: the same for as long as it lasts. */
  key: string;
  /** The subject's name beside others: "run 12". */
  about: string;
  severity: "bad" | "warning";
  /** "Problem in production". */
  place: string;
  title: string;
  detail: string;
  since: Date | null;
  /** Where it is seen whole, below the team. */
  path: string;
  /** What a press leads to. */
  action: string;
  /** The model whose latency or errors it is about. */
  modelId: string | null;
  /** How several of its rule are told, after their number, and where they are seen. */
  many: { says: string; path: string };
  /** How long it lasts before anybody is told; 0 where the rule itself looks at a span of time. */
  holdSeconds: number;
}

export interface Facts extends ClusterFacts {
  production: readonly ServedFacts[];
  /** Newest first. */
  failedRuns: readonly { number: number; title: string; cause: string; endedAt: Date }[];
  /** Oldest first. */
  waitingRuns: readonly { number: number; title: string; why: string; since: Date }[];
  cluster: { isAway: boolean; lastSeenAt: Date | null };
  /** Null without one. */
  budget: BudgetFacts | null;
}
/** Dollars of this month. */
export interface BudgetFacts {
  amount: number;
  spent: number;
  /** Percent, rising. */
  thresholds: readonly number[];
  /** Nothing is launched once it is spent. */
  isHard: boolean;
}
export interface ServedFacts {
  modelId: string;
  model: string;
  version: number;
  since: Date;
  ready: number;
  desired: number;
  minutes: readonly { at: Date; requests: number; errors: number; p99Us: number }[];
}

/** What a team set of the starters, and which it switched off. */
export interface Settings {
  limits: StarterLimits;
  off: ReadonlySet<Starter>;
}
export const AS_SHIPPED: Settings = { limits: STARTER_LIMITS, off: new Set() };

/** A rate over fewer requests says nothing. */
const ENOUGH_REQUESTS = 50;
/** Below a latency that nobody notices nothing is slow. */
const SLOW_US = 10_000;
const RECENT_MS = 5 * 60_000;

export function problemsOf(facts: Facts, now: Date, { limits, off }: Settings = AS_SHIPPED): Problem[] {
  const { isAway } = facts.cluster;
  const found = [
    ...facts.production.flatMap((served) => ofServed(served, now, !isAway, limits)),
    ...ofCluster(facts.cluster),
    ...ofBudget(facts.budget),
    ...ofDisks(facts.disks, limits.disk),
    ...ofLimit(facts.limit, now, limits.limit),
    ...ofLaggards(facts.rankTimes, limits.lag),
    ...facts.failedRuns.map(ofFailedRun),
    ...facts.waitingRuns
      .filter(({ since }) => now.getTime() - since.getTime() >= limits.waits.minutes * 60_000)
      .map(ofWaiting),
  ];
  return found.filter(({ key }) => !isOff(key, off)).toSorted((a, b) => rank(a) - rank(b));
}

const isOff = (key: string, off: ReadonlySet<string>) => off.has(key.split(":")[0] ?? key);

const rank = ({ severity }: Problem) => (severity === "bad" ? 0 : 1);

/** How one model fares, in a word: what the first of its problems is. */
export type Health = "healthy" | "down" | "failing" | "slow" | "short" | "unknown" | "asleep";
export interface Measured {
  requests: number;
  errorRate: number | null;
  p99Us: number | null;
  /** Before the last five minutes; null where too little is known. */
  usualP99Us: number | null;
  health: Health;
}

/** @param isSeen whether anybody tells how its replicas are: while the cluster is away, only requests do */
export function measure(
  served: ServedFacts,
  now: Date,
  isSeen = true,
  limits: StarterLimits = STARTER_LIMITS,
): Measured {
  const from = now.getTime() - RECENT_MS;
  const recent = served.minutes.filter((minute) => minute.at.getTime() >= from);
  const before = served.minutes.filter((minute) => minute.at.getTime() < from && minute.requests > 0);
  const requests = recent.reduce((sum, minute) => sum + minute.requests, 0);
  const errors = recent.reduce((sum, minute) => sum + minute.errors, 0);
  const p99Us = recent.length === 0 ? null : Math.max(...recent.map((minute) => minute.p99Us));
  const usualP99Us = before.length >= 5 ? median(before.map((minute) => minute.p99Us)) : null;
  const isEnough = requests >= ENOUGH_REQUESTS;
  const isSlow =
    p99Us !== null && usualP99Us !== null && p99Us > SLOW_US && p99Us > limits.slow.factor * usualP99Us;
  return {
    requests,
    errorRate: requests > 0 ? errors / requests : null,
    p99Us,
    usualP99Us,
    health:
      isSeen && served.desired > 0 && served.ready === 0
        ? "down"
        : isEnough && errors / requests > limits.errors.percent / 100
          ? "failing"
          : isEnough && isSlow
            ? "slow"
            : !isSeen
              ? "unknown"
              : served.desired === 0
                ? "asleep"
                : served.ready < served.desired
                  ? "short"
                  : "healthy",
  };
}

function ofServed(served: ServedFacts, now: Date, isSeen: boolean, limits: StarterLimits): Problem[] {
  const measured = measure(served, now, isSeen, limits);
  const name = `${served.model} v${served.version}`;
  const common = {
    path: `/releases/${served.model}`,
    action: "Open the release",
    modelId: served.modelId,
    about: name,
    holdSeconds: 0,
  };
  const many = (rule: Starter) => ({ says: STARTERS[rule].many, path: "/releases" });
  const inProduction = { ...common, place: "Problem in production", severity: "bad" } as const;
  const replicas = `${served.ready} of ${served.desired} ${served.desired === 1 ? "replica" : "replicas"}`;
  if (measured.health === "down")
    return [
      {
        ...inProduction,
        key: `down:${served.modelId}`,
        many: many("down"),
        holdSeconds: 10,
        title: `${name} answers nobody: none of its ${served.desired === 1 ? "replicas is" : `${served.desired} replicas is`} ready`,
        detail:
          "Requests are answered 503 until a replica is ready. A roll back to a warm version answers at once.",
        since: lastAnswer(served),
      },
    ];
  if (measured.health === "failing")
    return [
      {
        ...inProduction,
        key: `errors:${served.modelId}`,
        many: many("errors"),
        title: `${name}: ${percent(measured.errorRate ?? 0)} of requests fail`,
        detail: `${measured.requests.toLocaleString("en-US")} requests in five minutes, answered by ${replicas}.`,
        since: sinceWhen(
          served,
          ({ requests, errors }) => requests > 0 && errors / requests > limits.errors.percent / 100,
        ),
      },
    ];
  if (measured.health === "slow") {
    const usual = measured.usualP99Us ?? 0;
    return [
      {
        ...inProduction,
        key: `slow:${served.modelId}`,
        many: many("slow"),
        title: `${name}: p99 is ${ms(measured.p99Us ?? 0)}, usually ${ms(usual)}`,
        detail: `${measured.requests.toLocaleString("en-US")} requests in five minutes, answered by ${replicas}; ${percent(measured.errorRate ?? 0)} failed.`,
        since: sinceWhen(served, ({ p99Us }) => p99Us > limits.slow.factor * usual),
      },
    ];
  }
  if (measured.health === "short")
    return [
      {
        ...common,
        place: "Production",
        severity: "warning",
        key: `short:${served.modelId}`,
        many: many("short"),
        holdSeconds: 120,
        title: `${name} has ${replicas} ready`,
        detail: "The others are starting, or wait for a place.",
        since: null,
      },
    ];
  return [];
}

/** The first minute of the run of minutes, up to the newest, of which this is true. */
function sinceWhen(
  { minutes }: ServedFacts,
  isSo: (minute: ServedFacts["minutes"][number]) => boolean,
): Date | null {
  const last = minutes.findLastIndex((minute) => !isSo(minute));
  return minutes[last + 1]?.at ?? null;
}

/** Without an answer since then; since it serves when it never gave one. */
const lastAnswer = ({ minutes, since }: ServedFacts): Date =>
  minutes.findLast(({ requests, errors }) => requests > errors)?.at ?? since;

function ofCluster({ isAway, lastSeenAt }: Facts["cluster"]): Problem[] {
  if (!isAway) return [];
  return [
    {
      key: "cluster:away",
      about: "the cluster",
      many: { says: STARTERS.cluster.many, path: "/cluster" },
      holdSeconds: 0,
      severity: "bad",
      place: "Problem on the cluster",
      title: "The cluster does not answer",
      detail:
        "Nothing new starts, and what is shown of it is from when it was last heard. What runs may well go on; it is taken up again when the cluster is back.",
      since: lastSeenAt,
      path: "/cluster",
      action: "Open the cluster",
      modelId: null,
    },
  ];
}

/** The highest threshold that is passed; a hard cap that is reached, whether or not it is one of them. */
function ofBudget(budget: BudgetFacts | null): Problem[] {
  if (!budget) return [];
  const { amount, spent, thresholds, isHard } = budget;
  const isSpent = spent >= amount;
  const passed = isSpent && isHard ? 100 : thresholds.findLast((one) => spent >= (amount * one) / 100);
  if (passed === undefined) return [];
  const stops = isSpent && isHard;
  return [
    {
      key: `budget:${passed}`,
      about: "the budget",
      severity: stops ? "bad" : "warning",
      place: "Budget of the month",
      title: stops
        ? "The budget is spent: nothing new starts"
        : isSpent
          ? "The budget is spent"
          : `${Math.min(99, Math.round((100 * spent) / amount))}% of the budget is spent`,
      detail: `${dollars(spent)} of ${dollars(amount)} are spent.${
        stops
          ? " What runs and what serves goes on; what is queued waits until the budget is raised or the month ends."
          : ""
      }`,
      since: null,
      path: "/cluster/cost",
      action: "Open the budget",
      modelId: null,
      many: { says: STARTERS.budget.many, path: "/cluster/cost" },
      holdSeconds: 0,
    },
  ];
}

const ofFailedRun = (run: Facts["failedRuns"][number]): Problem => ({
  key: `failed:${run.number}`,
  about: `run ${run.number}`,
  severity: "warning",
  place: "Runs",
  title: `Run ${run.number} failed: ${run.title}`,
  detail: run.cause,
  since: run.endedAt,
  path: `/training/${run.number}`,
  action: "Open the run",
  modelId: null,
  many: { says: STARTERS.failed.many, path: "/training?kind=all&state=failed" },
  holdSeconds: 0,
});

const ofWaiting = (run: Facts["waitingRuns"][number]): Problem => ({
  key: `waits:${run.number}`,
  about: `run ${run.number}`,
  severity: "warning",
  place: "Runs",
  title: `Run ${run.number} waits: ${run.title}`,
  detail: run.why,
  since: run.since,
  path: `/training/${run.number}`,
  action: "Open the run",
  modelId: null,
  many: { says: STARTERS.waits.many, path: "/training?kind=all&state=queued" },
  holdSeconds: 0,
});

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
const percent = (share: number) => `${(100 * share).toFixed(share < 0.1 ? 1 : 0)}%`;
const ms = (us: number) => `${us >= 100_000 ? Math.round(us / 1000) : Number((us / 1000).toPrecision(2))} ms`;
