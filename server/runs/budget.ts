/** A run's limit of hours: what its attempts ran together, without what it waited. */
import { and, eq, isNotNull, isNull, sql } from "drizzle-orm";
import { attempt, run } from "../../db/schema/runs";
import { transact } from "../platform/context";
import type { Database, Transaction } from "../platform/db";
import { newId } from "../platform/ids";
import type { Attempt } from "./records";
import * as repo from "./repo";
import { askToStop } from "./service";

/** Hours that attempts ran together until now. */
export const hoursRun = (attempts: readonly Pick<Attempt, "startedAt" | "endedAt">[], now: Date): number =>
  attempts.reduce(
    (sum, { startedAt, endedAt }) =>
      startedAt ? sum + Math.max(0, (endedAt ?? now).getTime() - startedAt.getTime()) / 3_600_000 : sum,
    0,
  );

/** Stops runs, with a checkpoint, whose hours are used up. `fence` is the caller's lease. */
export async function stopOverspent(db: Database, fence: (tx: Transaction) => Promise<void>): Promise<void> {
  for (const { id, hours } of await overspent(db)) {
    await transact({ db }, async (tx) => {
      await fence(tx);
      const current = await repo.lockRun(tx, id);
      if (!current?.maxHours || current.state !== "running") return;
      const ctx = {
        teamId: current.teamId,
        actor: { kind: "system" as const, id: "controller" },
        requestId: newId("req"),
      };
      const ran = Number(hours.toFixed(2));
      await askToStop(tx, ctx, current, `Its budget of ${current.maxHours} h is used up: it ran ${ran} h.`);
    });
  }
}

const overspent = (db: Database) =>
  db
    .select({ id: run.id, hours: sql<number>`${HOURS}` })
    .from(run)
    .innerJoin(attempt, eq(attempt.runId, run.id))
    .where(
      and(
        eq(run.state, "running"),
        isNotNull(run.maxHours),
        isNull(run.stopRequestedAt),
        isNull(run.pauseRequestedAt),
      ),
    )
    .groupBy(run.id)
    .having(sql`${HOURS} >= ${run.maxHours}`);

const HOURS = sql`sum(extract(epoch from coalesce(${attempt.endedAt}, now()) - ${attempt.startedAt}))::float8 / 3600`;
