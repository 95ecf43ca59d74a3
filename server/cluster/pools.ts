/** Pools as people set them: their limits are desired state, their price is for the books. */
import type { z } from "zod";
import { record } from "../audit/service";
import { reopenBooks } from "../cost/service";
import { defaultClusterId, desireChanged } from "../engine/service";
import { type TeamContext, transact } from "../platform/context";
import { Invalid, NotFound } from "../platform/errors";
import { emit } from "../platform/live/outbox";
import type { EditPool } from "./contract";
import * as repo from "./repo";

/**
 * Sets limits and price of a pool. Nodes that are up cost a new price from their start on; those that left keep theirs.
 *
 * @throws NotFound
 * @throws Invalid for a max below the nodes that have work: the autoscaler would end them under it
 */
export async function editPool(ctx: TeamContext, input: z.infer<typeof EditPool>): Promise<void> {
  const clusterId = await defaultClusterId(ctx.db);
  await transact(ctx, async (tx) => {
    const pool = await repo.lockPool(tx, clusterId, input.pool);
    if (!pool) throw new NotFound(`There is no pool ${input.pool}.`);
    const { pool: name, pricePerHour, ...limits } = input;
    const before = { min: pool.min, max: pool.max, idleSeconds: pool.idleSeconds };
    const hasMoved =
      limits.min !== before.min || limits.max !== before.max || limits.idleSeconds !== before.idleSeconds;
    if (limits.max < before.max) refuseEndingWork(await repo.countActive(tx, clusterId, name), limits.max);
    if (hasMoved) await repo.setLimits(tx, pool.id, limits);
    if (pricePerHour !== pool.pricePerHour) {
      await repo.setPrice(tx, pool, pricePerHour);
      await reopenBooks(tx, clusterId, name);
    }
    const price = pricePerHour === null ? "no price" : `$${pricePerHour} an hour`;
    await record(tx, ctx, {
      action: "pool.edited",
      target: { kind: "pool", id: pool.id },
      summary: `Set ${name} to ${limits.min} to ${limits.max} nodes, ${limits.idleSeconds} s idle, ${price}`,
      before: { ...before, pricePerHour: pool.pricePerHour },
      after: { ...limits, pricePerHour },
    });
    await emit(tx, { teamId: null, topic: "cluster", key: clusterId });
    if (hasMoved) await desireChanged(tx, clusterId);
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
