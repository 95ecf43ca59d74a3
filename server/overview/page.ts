/** The overview: is production healthy, is anything failing, who waits for whom, what does it cost now? */
import type { TeamContext } from "../platform/context";
import { byName } from "../platform/names-contract";
import { requestRows, type Served } from "../releases/service";
import { costsOfRuns, listRuns } from "../runs/service";
import { factsOf } from "./facts";
import { standing } from "./groups";
import { measure, problemsOf, type Settings } from "./problems";
import * as repo from "./repo";

const RUNS = 8;
const REQUESTS = 20;
const CHANGES = 10;

export async function page(ctx: TeamContext) {
  const { db, teamId } = ctx;
  const [facts, firing, runs, counts, requests, changes] = await Promise.all([
    factsOf(db, teamId),
    repo.firingAlerts(db, teamId),
    inProgress(ctx),
    repo.countRuns(db, teamId),
    requestRows(db, teamId, REQUESTS),
    repo.lastChanges(db, teamId, CHANGES),
  ]);
  const { now, settings, production, cluster, budget } = facts;
  return {
    at: now,
    problems: standing(problemsOf(facts, now, settings), firing),
    production: production
      .map((served) => toRow(served, now, !cluster.isAway, settings))
      .toSorted(worstFirst),
    runs: { ...counts, shown: runs },
    cluster,
    budget: budget && { spent: budget.spent, amount: budget.amount },
    waiting: requests
      .filter(({ state }) => state === "open" || state === "measuring")
      .map(({ number, state, model, environment, version, requestedBy, createdAt, gates, gatesPassed }) => ({
        ...{ number, state, model, environment, version, requestedBy, createdAt, gates, gatesPassed },
      })),
    changes,
  };
}

const HOUR_MINUTES = 60;
const MINUTE_MS = 60_000;

/** One line of the table: the hour as 60 values, of which those without a request are gaps. */
function toRow({ minutes, ...served }: Served, now: Date, isSeen: boolean, { limits }: Settings) {
  const last = Math.floor(now.getTime() / MINUTE_MS);
  const p99 = Array<number | null>(HOUR_MINUTES).fill(null);
  for (const minute of minutes) {
    const index = HOUR_MINUTES - 1 - (last - Math.floor(minute.at.getTime() / MINUTE_MS));
    if (minute.requests > 0 && index >= 0) p99[index] = minute.p99Us / 1000;
  }
  return { ...served, ...measure({ ...served, minutes }, now, isSeen, limits), p99Ms: p99 };
}
type Row = ReturnType<typeof toRow>;

const HEALTH = ["down", "failing", "slow", "short", "unknown", "healthy", "asleep"] as const;
const worstFirst = (a: Row, b: Row): number =>
  HEALTH.indexOf(a.health) - HEALTH.indexOf(b.health) ||
  b.perSecond - a.perSecond ||
  byName(a.model, b.model);

/** The newest runs that go on, with what they cost so far. */
async function inProgress(ctx: TeamContext) {
  const { runs } = await listRuns(
    ctx.db,
    { teamId: ctx.teamId, personId: ctx.actor.id },
    { states: ["running", "queued"], isMine: false, limit: RUNS },
  );
  if (runs.length === 0) return [];
  const costs = await costsOfRuns(
    ctx.db,
    ctx.teamId,
    runs.map(({ number }) => number),
  );
  const costOf = new Map(costs.map(({ run, cost }) => [run, cost]));
  return runs.map((run) => ({ ...run, cost: costOf.get(run.number) ?? null }));
}
