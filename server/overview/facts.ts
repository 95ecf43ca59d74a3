/** What the overview, and alerts, judge a team by. */
import { clusterToday } from "../cluster/service";
import { budgetState, isHeld } from "../cost/service";
import { type Db, databaseTime } from "../platform/db";
import { productionNow } from "../releases/service";
import { type Problem, problemsOf } from "./problems";
import * as repo from "./repo";

export async function factsOf(db: Db, teamId: string) {
  const [at, production, failedRuns, waitingRuns, cluster, budget] = await Promise.all([
    databaseTime(db),
    productionNow(db, teamId),
    repo.failedRuns(db, teamId),
    repo.waitingRuns(db, teamId),
    clusterToday(db),
    budgetState(db, teamId),
  ]);
  const isSpent = budget !== null && isHeld(budget);
  return {
    ...{ now: new Date(at), production, failedRuns, cluster, budget },
    // Why these wait is told once.
    waitingRuns: waitingRuns.filter(({ isQueued }) => !(isSpent && isQueued)),
  };
}

/** What is wrong with a team's work now, the worst first. */
export async function problemsNow(db: Db, teamId: string): Promise<Problem[]> {
  const { now, ...facts } = await factsOf(db, teamId);
  return problemsOf(facts, now);
}
