/** What the overview, and alerts, judge a team by. */
import { clusterToday, disksOfNodes, waitingAtLimit } from "../cluster/service";
import { budgetStates, isHeld } from "../cost/service";
import { type Db, databaseTime } from "../platform/db";
import { consoleDisks } from "../platform/disks";
import { productionNow } from "../releases/service";
import { rankTimes } from "../runs/service";
import { AS_SHIPPED, type Problem, problemsOf } from "./problems";
import * as repo from "./repo";

export type SharedFacts = Awaited<ReturnType<typeof sharedFacts>>;

/** What is the same for all teams, or found for many as for one: whoever judges many reads it once for them. */
export async function sharedFacts(db: Db, teamIds: readonly string[]) {
  const [at, settings, cluster, nodeDisks, limits, budgets] = await Promise.all([
    databaseTime(db),
    repo.starterSettings(db, teamIds),
    clusterToday(db),
    disksOfNodes(db),
    waitingAtLimit(db, teamIds),
    budgetStates(db, teamIds),
  ]);
  const own = consoleDisks().map((disk, i) => ({ ...disk, id: `console-${i}`, path: "/alerts" }));
  return { now: new Date(at), settings, cluster, disks: [...own, ...nodeDisks], limits, budgets };
}

/** @param shared read with this team among its teams */
export async function factsOf(
  db: Db,
  teamId: string,
  shared: SharedFacts | Promise<SharedFacts> = sharedFacts(db, [teamId]),
) {
  const [{ now, settings, cluster, disks, limits, budgets }, production, failedRuns, waitingRuns, ranks] =
    await Promise.all([
      shared,
      productionNow(db, teamId),
      repo.failedRuns(db, teamId),
      repo.waitingRuns(db, teamId),
      rankTimes(db, teamId),
    ]);
  const budget = budgets.get(teamId) ?? null;
  const isSpent = budget !== null && isHeld(budget);
  return {
    ...{ now, production, failedRuns, cluster, disks, budget, rankTimes: ranks },
    settings: settings.get(teamId) ?? AS_SHIPPED,
    limit: limits.get(teamId) ?? [],
    // Why these wait is told once.
    waitingRuns: waitingRuns.filter(({ isQueued }) => !(isSpent && isQueued)),
  };
}

/** What is wrong with a team's work now, the worst first. */
export async function problemsNow(db: Db, teamId: string, shared: SharedFacts): Promise<Problem[]> {
  const { now, settings, ...facts } = await factsOf(db, teamId, shared);
  return problemsOf(facts, now, settings);
}
