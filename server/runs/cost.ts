/** What runs cost: each worker's share of its node, at the node's price, for as long as its attempt ran. */
import { sql } from "drizzle-orm";
import { attempt, run } from "../../db/schema/runs";
import { defaultClusterId, poolsOf } from "../engine/service";
import type { Db } from "../platform/db";
import { Invalid } from "../platform/errors";
import { amongNumbers } from "./among";
import type { Resources } from "./contract";
import { placesFor, type Size } from "./room";

/** Dollars. */
export interface Cost {
  amount: number;
  /** False where a node has no price: then it cost more. */
  isWhole: boolean;
}

/** A node is taken by whatever it has least of. */
const shareOf = (worker: Size, node: Size): number =>
  Math.min(1, Math.max(worker.cpus / node.cpus, worker.gpus > 0 ? worker.gpus / node.gpus : 0));

/**
 * What an hour of so many workers may cost, on the dearest of the pools whose nodes hold one; null where such a pool has
 * no price, or none holds one.
 */
export function pricePerHour(
  pools: readonly (Size & { pricePerHour: number | null })[],
  { workers, cpus, gpus }: Resources,
): number | null {
  const able = pools.filter((pool) => placesFor([pool], { cpus, gpus }) > 0);
  const prices = able.flatMap(({ pricePerHour, ...node }) =>
    pricePerHour === null ? [] : [pricePerHour * shareOf({ cpus, gpus }, node)],
  );
  return prices.length === 0 || prices.length < able.length ? null : workers * Math.max(...prices);
}

export const expectedPrice = async (db: Db, resources: Resources): Promise<number | null> =>
  pricePerHour(await poolsOf(db, await defaultClusterId(db)), resources);

/** @throws Invalid, naming the field, for a limit that nobody could watch */
export async function refuseUnpriced(db: Db, maxCost: number | null): Promise<void> {
  if (maxCost === null) return;
  const without = (await poolsOf(db, await defaultClusterId(db))).filter(
    (pool) => pool.pricePerHour === null,
  );
  if (without.length === 0) return;
  throw new Invalid(`There is no price for nodes of ${without.map(({ name }) => name).join(", ")}.`, {
    code: "no_price",
    field: "maxCost",
    remedy: "Someone who may edit pools sets it on the Cluster page; or limit the hours.",
  });
}

/** Hours that an attempt ran until now; null before it did. */
export const HOURS = sql`extract(epoch from coalesce(${attempt.endedAt}, now()) - ${attempt.startedAt})::float8 / 3600`;

/** Of an attempt's workers together, $ an hour, as \`p (an_hour, is_priced)\`; to be joined laterally to run and attempt. */
export const PRICED = sql`
  select coalesce(sum(n.price_per_hour * least(1, greatest(
           (${run.resources} ->> 'cpus')::float8 / nullif(n.cpus, 0),
           coalesce((${run.resources} ->> 'gpus')::float8 / nullif(n.gpus, 0), 0)))), 0) as an_hour,
         coalesce(bool_and(n.price_per_hour is not null), true) as is_priced,
         count(n.price_per_hour) > 0 as is_known
  from jsonb_to_recordset(${attempt.workers}) as w ("nodeId" text)
  left join node n on n.node_id = w."nodeId" and n.cluster_id = ${run.clusterId}`;

/** Of each attempt that ran on a node with a price, by its id. */
export async function costsOf(
  db: Db,
  teamId: string,
  numbers: readonly number[],
): Promise<Map<string, Cost & { run: number }>> {
  const { rows } = await db.execute<{ id: string; run: number; amount: number; is_priced: boolean }>(sql`
    select ${attempt.id} as id, ${run.number} as run, p.an_hour * ${HOURS} as amount, p.is_priced
    from ${run} join ${attempt} on ${attempt.runId} = ${run.id} cross join lateral (${PRICED}) p
    where ${run.teamId} = ${teamId} and ${attempt.startedAt} is not null and p.is_known
      and ${run.number} in (${amongNumbers(numbers)})`);
  return new Map(
    rows.map(({ id, run, amount, is_priced }) => [
      id,
      { run, amount: Math.max(0, amount), isWhole: is_priced },
    ]),
  );
}

export const total = (costs: readonly Cost[]): Cost | null =>
  costs.length === 0
    ? null
    : {
        amount: costs.reduce((sum, { amount }) => sum + amount, 0),
        isWhole: costs.every(({ isWhole }) => isWhole),
      };

/** Rows of a list: what each cost until now, of those that ran where prices are known. */
export async function costsOfRuns(db: Db, teamId: string, numbers: readonly number[]) {
  const costs = [...(await costsOf(db, teamId, numbers)).values()];
  const runs = [...new Set(costs.map(({ run }) => run))];
  return runs.map((run) => ({ run, cost: total(costs.filter((cost) => cost.run === run)) }));
}
