import { and, eq, sql } from "drizzle-orm";
import { cluster, pool } from "../../db/schema/cluster";
import type { Db, Transaction } from "../platform/db";

export type ClusterRow = typeof cluster.$inferSelect;

export async function findClusterByName(db: Db, name: string): Promise<ClusterRow | null> {
  const [row] = await db.select().from(cluster).where(eq(cluster.name, name));
  return row ?? null;
}

export async function findClusterByToken(db: Db, tokenHash: string): Promise<ClusterRow | null> {
  const [row] = await db.select().from(cluster).where(eq(cluster.tokenHash, tokenHash));
  return row ?? null;
}

export async function findClusterByEnrolToken(db: Db, tokenHash: string): Promise<ClusterRow | null> {
  const [row] = await db.select().from(cluster).where(eq(cluster.enrolTokenHash, tokenHash));
  return row ?? null;
}

export async function insertCluster(db: Db, row: { id: string; name: string }): Promise<void> {
  await db.insert(cluster).values(row).onConflictDoNothing();
}

/** Answers whether anything changed. */
export async function insertPool(db: Db, row: typeof pool.$inferInsert): Promise<boolean> {
  const changed = await db
    .insert(pool)
    .values(row)
    .onConflictDoUpdate({
      target: [pool.clusterId, pool.name],
      set: { max: row.max, idleSeconds: row.idleSeconds },
      setWhere: sql`(${pool.max}, ${pool.idleSeconds}) is distinct from (${row.max}, ${row.idleSeconds})`,
    })
    .returning({ id: pool.id });
  return changed.length > 0;
}

export const listPools = (db: Db, clusterId: string) =>
  db.select().from(pool).where(eq(pool.clusterId, clusterId)).orderBy(pool.name);

export async function setToken(db: Db, clusterId: string, tokenHash: string): Promise<void> {
  await db.update(cluster).set({ tokenHash, enrolTokenHash: null }).where(eq(cluster.id, clusterId));
}

export async function readRevision(db: Db, clusterId: string): Promise<number> {
  const [row] = await db
    .select({ revision: cluster.desiredRevision })
    .from(cluster)
    .where(eq(cluster.id, clusterId));
  return row?.revision ?? 0;
}

export async function bumpRevision(db: Db, clusterId: string): Promise<void> {
  await db
    .update(cluster)
    .set({ desiredRevision: sql`${cluster.desiredRevision} + 1` })
    .where(eq(cluster.id, clusterId));
}

/** Observations of one cluster take turns here, without locking its row, which is always locked last. */
export async function takeTurn(tx: Transaction, clusterId: string): Promise<ClusterRow | null> {
  await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${`observed:${clusterId}`}, 0))`);
  const [row] = await tx.select().from(cluster).where(eq(cluster.id, clusterId));
  return row ?? null;
}

export async function storeObservation(
  tx: Transaction,
  clusterId: string,
  seen: {
    incarnation: string;
    seq: number;
    appliedRevision: number;
    observed: unknown;
    desireChanged: boolean;
  },
): Promise<number> {
  const [row] = await tx
    .update(cluster)
    .set({
      incarnation: seen.incarnation,
      lastSeq: seen.seq,
      lastSeenAt: sql`clock_timestamp()`,
      appliedRevision: seen.appliedRevision,
      ...(seen.observed === undefined ? {} : { observed: seen.observed }),
      desiredRevision: seen.desireChanged ? sql`${cluster.desiredRevision} + 1` : cluster.desiredRevision,
    })
    .where(eq(cluster.id, clusterId))
    .returning({ revision: cluster.desiredRevision });
  return row?.revision ?? 0;
}

/** Whether the agent has said something lately. */
export async function agentSeen(db: Db, clusterId: string, withinSeconds: number): Promise<boolean> {
  const rows = await db
    .select({ id: cluster.id })
    .from(cluster)
    .where(
      and(
        eq(cluster.id, clusterId),
        sql`${cluster.lastSeenAt} > now() - make_interval(secs => ${withinSeconds})`,
      ),
    );
  return rows.length > 0;
}
