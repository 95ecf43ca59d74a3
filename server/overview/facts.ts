/** What the overview, and alerts, judge a team by. */
import { clusterToday, disksOfNodes, waitingAtLimit } from "../cluster/service";
import { budgetState, isHeld } from "../cost/service";
import { type Db, databaseTime } from "../platform/db";
import { consoleDisks } from "../platform/disks";
import { productionNow } from "../releases/service";
import { rankTimes } from "../runs/service";
import { type Problem, problemsOf } from "./problems";
import * as repo from "./repo";

export async function factsOf(db: Db, teamId: string) {
  const [at, settings, production, failedRuns, waitingRuns, cluster, nodeDisks, limit, ranks, budget] =
    await Promise.all([
      databaseTime(db),
      repo.starterSettings(db, teamId),
      productionNow(db, teamId),
      repo.failedRuns(db, teamId),
      repo.waitingRuns(db, teamId),
      clusterToday(db),
      disksOfNodes(db),
      waitingAtLimit(db, teamId),
      rankTimes(db, teamId),
      budgetState(db, teamId),
    ]);
  const isSpent = budget !== null && isHeld(budget);
  const own = consoleDisks().map((disk, i) => ({ ...disk, id: `console-${i}`, path: "/alerts" }));
  return {
    ...{ now: new Date(at), settings, production, failedRuns, cluster, limit, budget },
    disks: [...own, ...nodeDisks],
    rankTimes: ranks,
    // Why these wait is told once.
    waitingRuns: waitingRuns.filter(({ isQueued }) => !(isSpent && isQueued)),
  };
}

/** What is wrong with a team's work now, the worst first. */
export async function problemsNow(db: Db, teamId: string): Promise<Problem[]> {
  const { now, settings, ...facts } = await factsOf(db, teamId);
  return problemsOf(facts, now, settings);
}
