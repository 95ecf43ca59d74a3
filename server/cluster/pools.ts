/** Pools as people set them: their limits are desired state, their price is for the books. */
import type { z } from "zod";
import { record } from "../audit/service";
import { reopenBooks } from "../cost/service";
import { defaultClusterId, desireChanged } from "../engine/service";
import { type TeamContext, transact } from "../platform/context";
import { type Database, databaseTime, type Transaction } from "../platform/db";
import { Conflict, Invalid, NotFound } from "../platform/errors";
import { emit } from "../platform/live/outbox";
import { PoolAsRead, type SetPool } from "./contract";
import * as repo from "./repo";
import { KeptSchedule, type Limits, limitsAt, type Schedule, scheduleSays } from "./schedule-contract";

/** The limits that hold outside office hours, and those hours. */
export function plannedOf({ min, max, schedule }: repo.PoolRow): {
  usual: Limits;
  schedule: Schedule | null;
} {
  const kept = KeptSchedule.nullable().parse(schedule);
  return { usual: kept?.usual ?? { min, max }, schedule: kept?.hours ?? null };
}

/**
 * Sets limits, hours and price of a pool. Nodes that are up cost a new price from their start on; those that left keep
 * theirs.
 *
 * @throws NotFound
 * @throws Conflict when somebody set it since it was read
 * @throws Invalid for a max below the nodes that have work: the autoscaler would end them under it
 */
export async function editPool(ctx: TeamContext, input: z.infer<typeof SetPool>): Promise<void> {
  const clusterId = await defaultClusterId(ctx.db);
  await transact(ctx, async (tx) => {
    const pool = await repo.lockPool(tx, clusterId, input.pool);
    if (!pool) throw new NotFound(`There is no pool ${input.pool}.`);
    const { pool: name, pricePerHour, schedule: hours, was, ...next } = input;
    const usual = { min: next.min, max: next.max };
    const limits = {
      ...limitsAt(hours, usual, new Date(await databaseTime(tx))),
      ...{ idleSeconds: next.idleSeconds, preemptible: next.preemptible },
      schedule: hours && { hours, usual },
    };
    const before = shownOf(pool);
    if (was) refuseUnseen(name, was, { ...before, pricePerHour: pool.pricePerHour });
    const after = { ...next, schedule: hours };
    if (limits.max < pool.max) refuseEndingWork(await repo.countActive(tx, clusterId, name), limits.max);
    const hasMoved = JSON.stringify(before) !== JSON.stringify(shownOf({ ...pool, ...limits }));
    if (hasMoved) await repo.setLimits(tx, pool.id, limits);
    if (pricePerHour !== pool.pricePerHour) {
      await repo.setPrice(tx, pool, pricePerHour);
      await reopenBooks(tx, clusterId, name);
    }
    const price = pricePerHour === null ? "no price" : `$${pricePerHour} an hour`;
    const within = hours ? `; ${hours.min} to ${hours.max} on ${scheduleSays(hours)}` : "";
    await record(tx, ctx, {
      action: "pool.edited",
      target: { kind: "pool", id: pool.id },
      summary: `Set ${name} to ${usual.min} to ${usual.max} nodes${within}, ${next.idleSeconds} s idle, ${price}`,
      before: { ...before, pricePerHour: pool.pricePerHour },
      after: { ...after, pricePerHour },
    });
    await emit(tx, { teamId: null, topic: "cluster", key: clusterId });
    if (hasMoved) await desireChanged(tx, clusterId);
  });
}

/** What people set of it, but the price. */
function shownOf(pool: repo.PoolRow) {
  const { usual, schedule } = plannedOf(pool);
  return { ...usual, idleSeconds: pool.idleSeconds, preemptible: pool.preemptible, schedule };
}

/** Whoever sets a pool that is not as they read it would undo what somebody else set. */
function refuseUnseen(name: string, was: z.infer<typeof PoolAsRead>, is: z.infer<typeof PoolAsRead>): void {
  if (JSON.stringify(PoolAsRead.parse(was)) === JSON.stringify(PoolAsRead.parse(is))) return;
  throw new Conflict(`Somebody set ${name} meanwhile; nothing of yours was saved.`, {
    code: "pool_moved",
    remedy: "What would change now is below: set it again if it is what you want.",
  });
}

function refuseEndingWork(active: number, max: number): void {
  if (max >= active) return;
  throw new Invalid(`${active} nodes have work: a max of ${max} would end some under it.`, {
    code: "pool_below_work",
    field: "max",
    remedy: `Choose at least ${active}, or drain nodes first.`,
  });
}

/**
 * Puts the limits of the hour in force. Where fewer nodes may stay than have work, those end it first: the autoscaler
 * would end them under it. `fence` is the caller's lease; `clock` is what time it is, where time is played.
 */
export async function followSchedules(
  db: Database,
  fence: (tx: Transaction) => Promise<void>,
  clock?: Date,
): Promise<void> {
  for (const { clusterId, name } of await repo.listScheduled(db))
    await transact({ db }, async (tx) => {
      await fence(tx);
      const pool = await repo.lockPool(tx, clusterId, name);
      if (!pool) return;
      const { usual, schedule } = plannedOf(pool);
      const planned = limitsAt(schedule, usual, clock ?? new Date(await databaseTime(tx)));
      const active = planned.max < pool.max ? await repo.countActive(tx, clusterId, name) : 0;
      const limits = { ...planned, max: Math.max(planned.max, Math.min(active, pool.max)) };
      if (limits.min === pool.min && limits.max === pool.max) return;
      await repo.setInForce(tx, pool.id, limits);
      await emit(tx, { teamId: null, topic: "cluster", key: clusterId });
      await desireChanged(tx, clusterId);
    });
}
