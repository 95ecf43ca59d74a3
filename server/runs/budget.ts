/** A run's limits: hours that its attempts ran together, without what it waited, and what they cost. */

import { and, eq, isNotNull, isNull, or, sql } from "drizzle-orm";
import { attempt, run } from "../../db/schema/runs";
import { transact } from "../platform/context";
import type { Database, Transaction } from "../platform/db";
import { newId } from "../platform/ids";
import { dollars } from "../platform/money";
import { HOURS, PRICED } from "./cost";
import type { Attempt, Run } from "./records";
import * as repo from "./repo";
import { askToStop } from "./service";

/** Hours that attempts ran together until now. */
export const hoursRun = (attempts: readonly Pick<Attempt, "startedAt" | "endedAt">[], now: Date): number =>
  attempts.reduce(
    (sum, { startedAt, endedAt }) =>
      startedAt ? sum + Math.max(0, (endedAt ?? now).getTime() - startedAt.getTime()) / 3_600_000 : sum,
    0,
  );

interface Spent {
  hours: number;
  /** Dollars, of nodes with a price. */
  cost: number;
}

/** Stops runs, with a checkpoint, whose hours or dollars are used up. `fence` is the caller's lease. */
export async function stopOverspent(db: Database, fence: (tx: Transaction) => Promise<void>): Promise<void> {
  for (const { id, hours, cost, ...limits } of await limited(db)) {
    const spent = { hours, cost };
    if (!overspent(limits, spent)) continue;
    await transact({ db }, async (tx) => {
      await fence(tx);
      const current = await repo.lockRun(tx, id);
      const why = current && overspent(current, spent);
      if (!why || current.state !== "running") return;
      const ctx = {
        teamId: current.teamId,
        actor: { kind: "system" as const, id: "controller" },
        requestId: newId("req"),
      };
      await askToStop(tx, ctx, current, why);
    });
  }
}

/** Which limit is reached, in words. */
export function overspent(
  { maxHours, maxCost }: Pick<Run, "maxHours" | "maxCost">,
  { hours, cost }: Spent,
): string | null {
  if (maxHours !== null && hours >= maxHours)
    return `Its budget of ${maxHours} h is used up: it ran ${Number(hours.toFixed(2))} h.`;
  if (maxCost !== null && cost >= maxCost)
    return `Its budget of ${dollars(maxCost)} is used up: it cost ${dollars(cost)}.`;
  return null;
}

/** Running runs with a limit, and what they have spent. */
const limited = (db: Database) =>
  db
    .select({
      id: run.id,
      maxHours: run.maxHours,
      maxCost: run.maxCost,
      hours: sql<number>`coalesce(sum(${HOURS}), 0)`,
      cost: sql<number>`coalesce(sum(${HOURS} * p.an_hour), 0)`,
    })
    .from(run)
    .innerJoin(attempt, eq(attempt.runId, run.id))
    .crossJoinLateral(sql`(${PRICED}) p`)
    .where(
      and(
        eq(run.state, "running"),
        or(isNotNull(run.maxHours), isNotNull(run.maxCost)),
        isNull(run.stopRequestedAt),
        isNull(run.pauseRequestedAt),
      ),
    )
    .groupBy(run.id);
