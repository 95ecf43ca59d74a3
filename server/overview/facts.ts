/** What the overview, and alerts, judge a team by. */
import { clusterToday, disksOfNodes, waitingAtLimit } from "../cluster/service";
import { type Db, databaseTime } from "../platform/db";
import { consoleDisks } from "../platform/disks";
import { productionNow } from "../releases/service";
import { rankTimes } from "../runs/service";
import { type Problem, problemsOf } from "./problems";
import * as repo from "./repo";

export async function factsOf(db: Db, teamId: string) {
  const [at, settings, production, failedRuns, waitingRuns, cluster, nodeDisks, limit, ranks] =
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
    ]);
  const own = consoleDisks().map((disk, i) => ({ ...disk, id: `console-${i}`, path: "/alerts" }));
  return {
    ...{ now: new Date(at), settings, production, failedRuns, waitingRuns, cluster, limit },
    disks: [...own, ...nodeDisks],
    rankTimes: ranks,
  };
}

/** What is wrong with a team's work now, the worst first. */
export async function problemsNow(db: Db, teamId: string): Promise<Problem[]> {
  const { now, settings, ...facts } = await factsOf(db, teamId);
  return problemsOf(facts, now, settings);
}
