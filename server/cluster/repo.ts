/** SQL of nodes, capacity and decisions: history as intervals, not samples. */
import {
  and,
  asc,
  desc,
  eq,
  getTableColumns,
  gt,
  inArray,
  isNotNull,
  isNull,
  lt,
  lte,
  ne,
  sql,
} from "drizzle-orm";
import { z } from "zod";
import { capacityChange, cluster, node, pool, scalingDecision } from "../../db/schema/cluster";
import { user } from "../../db/schema/identity";
import { ObservedCluster, type ObservedNode } from "../engine/contract";
import { type Db, naturally, type Transaction } from "../platform/db";
import { newId } from "../platform/ids";
import type { LedgerQuery } from "./contract";
import type { EndReason } from "./ledger";

export type NodeRow = typeof node.$inferSelect;
export type PoolRow = typeof pool.$inferSelect;
type Seen = z.infer<typeof ObservedNode>;

/** Without the newest observation, which may be half a megabyte. */
export const findCluster = async (db: Db, clusterId: string) => {
  const { observed: _observed, ...columns } = getTableColumns(cluster);
  return (await db.select(columns).from(cluster).where(eq(cluster.id, clusterId)))[0];
};

export const listPools = (db: Db, clusterId: string) =>
  db.select().from(pool).where(eq(pool.clusterId, clusterId)).orderBy(naturally(pool.name));

export const listLiveNodes = (db: Db, clusterId: string) =>
  db
    .select()
    .from(node)
    .where(and(eq(node.clusterId, clusterId), ne(node.state, "gone")))
    .orderBy(desc(node.isHead), asc(node.serial));

export const serialsOfLive = (db: Db, clusterId: string) =>
  db
    .select({ serial: node.serial, nodeId: node.nodeId })
    .from(node)
    .where(and(eq(node.clusterId, clusterId), ne(node.state, "gone")));

/** The newest observation without its nodes, which have rows of their own. */
export async function findRest(db: Db, clusterId: string): Promise<unknown> {
  const [row] = await db
    .select({ rest: sql<unknown>`${cluster.observed} - 'nodes'` })
    .from(cluster)
    .where(eq(cluster.id, clusterId));
  return row?.rest ?? null;
}

/** Nodes join: each is named by its pool and how many came before it. */
export async function insertNodes(
  tx: Transaction,
  clusterId: string,
  seen: readonly Seen[],
  at: Date,
): Promise<void> {
  if (seen.length === 0) return;
  const before = await tx
    .select({ pool: node.pool, count: sql<number>`count(*)::int` })
    .from(node)
    .where(and(eq(node.clusterId, clusterId), eq(node.isHead, false)))
    .groupBy(node.pool);
  const counts = new Map(before.map(({ pool: name, count }) => [name, count]));
  const prices = new Map((await listPools(tx, clusterId)).map((row) => [row.name, row.pricePerHour]));
  const nameOf = ({ isHead, pool: name }: Seen) => {
    if (isHead) return "head";
    const number = (counts.get(name) ?? 0) + 1;
    counts.set(name, number);
    return `${name}-${number}`;
  };
  const rows = seen.map((one) => ({
    ...{ id: newId("node"), clusterId, nodeId: one.nodeId, name: nameOf(one), pool: one.pool },
    ...{
      isHead: one.isHead,
      state: one.state,
      stateSince: at,
      startedAt: at,
      cpus: one.cpus,
      gpus: one.gpus,
    },
    memoryBytes: one.memoryBytes,
    pricePerHour: prices.get(one.pool) ?? null,
    observed: one,
  }));
  // A statement holds 65,535 values.
  for (let i = 0; i < rows.length; i += 1_000) await tx.insert(node).values(rows.slice(i, i + 1_000));
}

export async function updateNodes(
  tx: Transaction,
  clusterId: string,
  seen: readonly Seen[],
  at: Date,
): Promise<void> {
  if (seen.length === 0) return;
  await tx.execute(sql`
    update node n set observed = s.observed, state = s.state, cpus = s.cpus, gpus = s.gpus,
      memory_bytes = s.memory_bytes, state_since = case when n.state = s.state then n.state_since else ${at} end
    from json_to_recordset(${JSON.stringify(
      seen.map((one) => ({
        ...{ node_id: one.nodeId, observed: one, state: one.state, cpus: one.cpus, gpus: one.gpus },
        memory_bytes: one.memoryBytes,
      })),
    )}::json) as s (node_id text, observed jsonb, state text, cpus float8, gpus float8, memory_bytes bigint)
    where n.cluster_id = ${clusterId} and n.node_id = s.node_id`);
}

export const findGone = async (db: Db, clusterId: string, nodeIds: readonly string[]) =>
  nodeIds.length === 0
    ? []
    : db
        .select()
        .from(node)
        .where(
          and(eq(node.clusterId, clusterId), inArray(node.nodeId, [...nodeIds]), eq(node.state, "gone")),
        );

/** A node that was taken for lost goes on; its intervals tell when nobody heard it. */
export async function reviveNode(tx: Transaction, row: NodeRow, seen: Seen, at: Date): Promise<void> {
  await tx
    .update(node)
    .set({ state: seen.state, stateSince: at, endedAt: null, endReason: null, observed: seen })
    .where(eq(node.id, row.id));
}

export const lockPool = async (tx: Transaction, clusterId: string, name: string) =>
  (
    await tx
      .select()
      .from(pool)
      .where(and(eq(pool.clusterId, clusterId), eq(pool.name, name)))
      .for("update")
  )[0];

type Edited = Pick<PoolRow, "min" | "max" | "idleSeconds" | "preemptible" | "schedule">;

/** From now on these stand, whatever the configuration says. */
export const setLimits = (tx: Transaction, poolId: string, edited: Edited) =>
  tx
    .update(pool)
    .set({ ...edited, editedAt: sql`now()` })
    .where(eq(pool.id, poolId));

export const setInForce = (tx: Transaction, poolId: string, { min, max }: Pick<PoolRow, "min" | "max">) =>
  tx.update(pool).set({ min, max }).where(eq(pool.id, poolId));

export const listScheduled = (db: Db) => db.select().from(pool).where(isNotNull(pool.schedule));

/** Nodes of the pool that are up take it too, from their start on; what left keeps the price that it had. */
export async function setPrice(
  tx: Transaction,
  of: { id: string; clusterId: string; name: string },
  pricePerHour: number | null,
): Promise<void> {
  await tx.update(pool).set({ pricePerHour }).where(eq(pool.id, of.id));
  await tx
    .update(node)
    .set({ pricePerHour })
    .where(and(eq(node.clusterId, of.clusterId), eq(node.pool, of.name), ne(node.state, "gone")));
}

/** Nodes of a pool that have work, and stay. */
export const countActive = (tx: Transaction, clusterId: string, name: string): Promise<number> =>
  tx.$count(node, and(eq(node.clusterId, clusterId), eq(node.pool, name), eq(node.state, "active")));

/** Whoever wants it out of service, by name; null for what is no person. */
export const wisherOf = async (tx: Transaction, { wishedBy }: NodeRow): Promise<string | null> =>
  wishedBy === null
    ? null
    : ((await tx.select({ name: user.name }).from(user).where(eq(user.id, wishedBy)))[0]?.name ?? null);

export async function endNode(tx: Transaction, row: NodeRow, reason: EndReason, at: Date): Promise<void> {
  await tx
    .update(node)
    .set({ state: "gone", stateSince: at, endedAt: at, endReason: reason })
    .where(eq(node.id, row.id));
}

export type Capacity = Omit<typeof capacityChange.$inferSelect, "id" | "at" | "clusterId">;

/** Keeps a capacity only where it differs from the last one. */
export async function recordCapacity(
  tx: Transaction,
  clusterId: string,
  now: Capacity,
  at: Date,
): Promise<boolean> {
  const [last] = await tx
    .select()
    .from(capacityChange)
    .where(eq(capacityChange.clusterId, clusterId))
    .orderBy(desc(capacityChange.id))
    .limit(1);
  const same = last && (Object.keys(now) as (keyof Capacity)[]).every((key) => last[key] === now[key]);
  if (same) return false;
  await tx.insert(capacityChange).values({ clusterId, at, ...now });
  return true;
}

/** Changes within a time, and the one that was in force at its beginning. */
export async function readCapacity(db: Db, clusterId: string, from: Date, to: Date) {
  const [before] = await db
    .select()
    .from(capacityChange)
    .where(and(eq(capacityChange.clusterId, clusterId), lte(capacityChange.at, from)))
    .orderBy(desc(capacityChange.at))
    .limit(1);
  const within = await db
    .select()
    .from(capacityChange)
    .where(
      and(eq(capacityChange.clusterId, clusterId), gt(capacityChange.at, from), lte(capacityChange.at, to)),
    )
    .orderBy(asc(capacityChange.at));
  return before ? [before, ...within] : within;
}

/**
 * Decisions for more nodes that have not all arrived, of all pools, the oldest first. One is not waited for once nothing
 * was heard of it for ten minutes; while launches for it fail, it goes on.
 */
export const openDecisions = (tx: Transaction, clusterId: string, at: Date) =>
  tx
    .select({
      id: scalingDecision.id,
      pool: scalingDecision.pool,
      failures: scalingDecision.failures,
      requested: scalingDecision.requested,
      achieved: scalingDecision.achieved,
    })
    .from(scalingDecision)
    .where(
      and(
        eq(scalingDecision.clusterId, clusterId),
        eq(scalingDecision.direction, "up"),
        lt(scalingDecision.achieved, scalingDecision.requested),
        isNull(scalingDecision.withdrawnAt),
        gt(
          sql`greatest(${scalingDecision.at}, ${scalingDecision.failedAt})`,
          sql`${at}::timestamptz - interval '10 minutes'`,
        ),
      ),
    )
    .orderBy(asc(scalingDecision.id));

export const withdraw = (tx: Transaction, decisionId: number, at: Date): Promise<unknown> =>
  tx.update(scalingDecision).set({ withdrawnAt: at }).where(eq(scalingDecision.id, decisionId));

export async function fulfil(
  tx: Transaction,
  decisionId: number,
  nodeIds: readonly string[],
  at: Date,
): Promise<void> {
  await tx
    .update(scalingDecision)
    .set({
      achieved: sql`${scalingDecision.achieved} + ${nodeIds.length}`,
      nodeIds: sql`${scalingDecision.nodeIds} || array[${sql.join(
        nodeIds.map((id) => sql`${id}`),
        sql`, `,
      )}]::text[]`,
      achievedAt: at,
    })
    .where(eq(scalingDecision.id, decisionId));
}

export async function insertDecision(
  tx: Transaction,
  row: typeof scalingDecision.$inferInsert,
): Promise<number> {
  const [made] = await tx.insert(scalingDecision).values(row).returning({ id: scalingDecision.id });
  if (!made) throw new Error("the decision was not inserted");
  return made.id;
}

export async function recordFailure(
  tx: Transaction,
  decisionId: number,
  failed: { count: number; message: string; at: Date; retryAt: Date | null },
): Promise<void> {
  await tx
    .update(scalingDecision)
    .set({
      failures: sql`${scalingDecision.failures} + ${failed.count}`,
      failedAt: failed.at,
      failure: failed.message,
      retryAt: failed.retryAt,
    })
    .where(eq(scalingDecision.id, decisionId));
}

/** Nodes of these have work now: the decisions that brought them were of use from now on. */
export async function markUseful(
  tx: Transaction,
  clusterId: string,
  nodeIds: readonly string[],
  at: Date,
): Promise<void> {
  await tx.execute(sql`
    update scaling_decision set useful_at = ${at}
    where cluster_id = ${clusterId} and direction = 'up' and useful_at is null
      and at > ${at}::timestamptz - interval '1 day'
      and node_ids && array(select json_array_elements_text(${JSON.stringify(nodeIds)}::json))`);
}

export const listDecisions = (db: Db, clusterId: string, input: z.infer<typeof LedgerQuery>) =>
  db
    .select()
    .from(scalingDecision)
    .where(
      and(
        eq(scalingDecision.clusterId, clusterId),
        input.cursor ? lt(scalingDecision.id, input.cursor) : undefined,
        input.cause ? eq(scalingDecision.cause, input.cause) : undefined,
        input.pool ? eq(scalingDecision.pool, input.pool) : undefined,
      ),
    )
    .orderBy(desc(scalingDecision.id))
    .limit(input.limit);

export const findDecision = async (db: Db, clusterId: string, id: number) =>
  (
    await db
      .select()
      .from(scalingDecision)
      .where(and(eq(scalingDecision.clusterId, clusterId), eq(scalingDecision.id, id)))
  )[0];

/** What a decision keeps of the demand behind it. */
export const Demanded = z.object({ demands: ObservedCluster.shape.demands });

export const findNode = async (db: Db, clusterId: string, id: string): Promise<NodeRow | undefined> =>
  (
    await db
      .select()
      .from(node)
      .where(and(eq(node.clusterId, clusterId), eq(node.id, id)))
  )[0];

export { costsOfNodes, listOccupants, type OccupantRow, worksOn } from "./works";
