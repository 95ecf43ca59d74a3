/** The rules that every team has from the beginning: what each looks at, and the figures of it that a team may set. */

interface Limit {
  label: string;
  unit: string;
  value: number;
  min: number;
  max: number;
}
interface StarterRule {
  name: string;
  looksAt: string;
  /** Of several at once, after their number. */
  many: string;
  limits: Readonly<Record<string, Limit>>;
}

const minutes = (value: number, label = "For"): Limit => ({ label, unit: "min", value, min: 1, max: 720 });

export const STARTERS = {
  down: {
    name: "Production answers nobody",
    looksAt: "models of which no replica has been ready for 10 s",
    many: "models answer nobody",
    limits: {},
  },
  errors: {
    name: "Requests fail",
    looksAt: "answers with a 5xx among at least 50 requests in five minutes",
    many: "models fail requests",
    limits: { percent: { label: "More than", unit: "%", value: 1, min: 0.01, max: 100 } },
  },
  slow: {
    name: "Production is slow",
    looksAt: "p99 of five minutes against its median of the hour",
    many: "models are slow",
    limits: { factor: { label: "More than", unit: "times", value: 3, min: 1.1, max: 100 } },
  },
  short: {
    name: "Short of replicas",
    looksAt: "models with fewer ready replicas than they shall have, for two minutes",
    many: "models are short of replicas",
    limits: {},
  },
  failed: {
    name: "Runs fail",
    looksAt: "runs that failed within the hour",
    many: "runs failed within the hour",
    limits: {},
  },
  waits: {
    name: "Runs wait",
    looksAt: "runs without a place on the cluster",
    many: "runs wait",
    limits: { minutes: minutes(5) },
  },
  lag: {
    name: "A rank lags",
    looksAt: "each rank's compute time of its last 65 to 128 steps against the median of the others",
    many: "trainings have a rank that lags",
    limits: {
      factor: { label: "More than", unit: "times", value: 1.5, min: 1.1, max: 100 },
      minutes: minutes(3),
    },
  },
  limit: {
    name: "The cluster is at its limit",
    looksAt: "what waits for a place while every pool that it fits has its most nodes",
    many: "works wait at the cluster’s limit",
    limits: { minutes: minutes(10) },
  },
  disk: {
    name: "A disk fills",
    looksAt: "disks of nodes and of the console: how full, and when full at the rate of the last hours",
    many: "disks fill",
    limits: {
      percent: { label: "At least", unit: "% full", value: 90, min: 10, max: 100 },
      hours: { label: "Or full within", unit: "h", value: 24, min: 1, max: 720 },
    },
  },
  budget: {
    name: "The budget is used up",
    looksAt: "what the month has cost against the thresholds of the budget",
    many: "budgets are used up",
    limits: {},
  },
  cluster: {
    name: "The cluster is away",
    looksAt: "an agent that is not heard, or whose Ray does not answer",
    many: "clusters do not answer",
    limits: {},
  },
  database: {
    name: "The database was away",
    looksAt: "the console’s own database, by the controller; written down once it is back",
    many: "times the database was away",
    limits: {},
  },
} as const satisfies Record<string, StarterRule>;

export type Starter = keyof typeof STARTERS;
export type StarterLimits = {
  [S in Starter]: { [L in keyof (typeof STARTERS)[S]["limits"]]: number };
};

export const isStarter = (name: string): name is Starter => Object.hasOwn(STARTERS, name);
export const STARTER_NAMES: readonly Starter[] = Object.keys(STARTERS).filter(isStarter);

/** Its figures as the team set them, and the product's where it did not. */
export function limitsOf<S extends Starter>(
  starter: S,
  set?: Readonly<Record<string, number>>,
): StarterLimits[S];
export function limitsOf(
  starter: Starter,
  set: Readonly<Record<string, number>> = {},
): Record<string, number> {
  const known: Readonly<Record<string, Limit>> = STARTERS[starter].limits;
  return Object.fromEntries(Object.entries(known).map(([name, { value }]) => [name, set[name] ?? value]));
}

/** What is in force where nobody set anything. */
export const STARTER_LIMITS: StarterLimits = {
  down: limitsOf("down"),
  errors: limitsOf("errors"),
  slow: limitsOf("slow"),
  short: limitsOf("short"),
  failed: limitsOf("failed"),
  waits: limitsOf("waits"),
  lag: limitsOf("lag"),
  limit: limitsOf("limit"),
  disk: limitsOf("disk"),
  budget: limitsOf("budget"),
  cluster: limitsOf("cluster"),
  database: limitsOf("database"),
};

/** What is wrong with figures that somebody wants to set, by field; empty where nothing is. */
export function wrongLimits(starter: Starter, set: Readonly<Record<string, number>>): [string, string][] {
  const known: Readonly<Record<string, Limit>> = STARTERS[starter].limits;
  return Object.entries(set).flatMap(([name, value]): [string, string][] => {
    const limit = known[name];
    if (!limit) return [[name, "this rule has no such figure"]];
    const { min, max, unit } = limit;
    return value >= min && value <= max ? [] : [[name, `enter ${min} to ${max} ${unit}`]];
  });
}
