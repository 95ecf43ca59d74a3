import { and, eq, getTableColumns, sql } from "drizzle-orm";
import { cluster, pool } from "../../db/schema/cluster";
import { type Db, naturally, type Transaction } from "../platform/db";

/** An agent tells what nodes use every second, and all it knows every five. */
export const AWAY_SECONDS = 8;
const isSeen = sql`${cluster.lastSeenAt} > clock_timestamp() - make_interval(secs => ${AWAY_SECONDS})`;

/** All but the newest observation: half a megabyte that every request of everybody would read and parse. */
const { observed: _observed, ...COLUMNS } = getTableColumns(cluster);
export type ClusterRow = Omit<typeof cluster.$inferSelect, "observed">;

export async function findClusterByName(db: Db, name: string): Promise<ClusterRow | null> {
  const [row] = await db.select(COLUMNS).from(cluster).where(eq(cluster.name, name));
  return row ?? null;
}

export async function findClusterByToken(db: Db, tokenHash: string): Promise<ClusterRow | null> {
  const [row] = await db.select(COLUMNS).from(cluster).where(eq(cluster.tokenHash, tokenHash));
  return row ?? null;
}

export async function findClusterByEnrolToken(db: Db, tokenHash: string): Promise<ClusterRow | null> {
  const [row] = await db.select(COLUMNS).from(cluster).where(eq(cluster.enrolTokenHash, tokenHash));
  return row ?? null;
}

export async function insertCluster(db: Db, row: { id: string; name: string }): Promise<void> {
  await db.insert(cluster).values(row).onConflictDoNothing();
}

/** Makes it, or brings it to these limits unless somebody set others. Answers whether anything changed. */
export async function insertPool(db: Db, row: typeof pool.$inferInsert): Promise<boolean> {
  const changed = await db
    .insert(pool)
    .values(row)
    .onConflictDoUpdate({
      target: [pool.clusterId, pool.name],
      set: { max: row.max, idleSeconds: row.idleSeconds },
      setWhere: sql`${pool.editedAt} is null and (${pool.max}, ${pool.idleSeconds}) is distinct from (${row.max}, ${row.idleSeconds})`,
    })
    .returning({ id: pool.id });
  return changed.length > 0;
}

export const listClusters = (db: Db) => db.select({ id: cluster.id }).from(cluster).orderBy(cluster.id);

export async function readObserved(db: Db, clusterId: string): Promise<unknown> {
  const [row] = await db
    .select({ observed: cluster.observed })
    .from(cluster)
    .where(eq(cluster.id, clusterId));
  return row?.observed ?? null;
}

export const listPools = (db: Db, clusterId: string) =>
  db.select().from(pool).where(eq(pool.clusterId, clusterId)).orderBy(naturally(pool.name));

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

/**
 * Observations of one cluster take turns here, without locking its row, which is always locked last. Each is given its
 * time once it has its turn: `now()` is when its transaction began, which may be before the one that it follows.
 *
 * @param clock instead of the database's, for time that is played
 */
export async function takeTurn(tx: Transaction, clusterId: string, clock?: Date) {
  await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${`observed:${clusterId}`}, 0))`);
  const [row] = await tx
    .select({
      incarnation: cluster.incarnation,
      superseded: cluster.superseded,
      lastSeq: cluster.lastSeq,
      desiredRevision: cluster.desiredRevision,
      silentSince: cluster.silentSince,
      at: sql<Date>`greatest(${clock ?? sql`clock_timestamp()`}::timestamptz, ${cluster.observedAt})`.mapWith(
        cluster.observedAt,
      ),
    })
    .from(cluster)
    .where(eq(cluster.id, clusterId));
  return row ?? null;
}

export async function storeObservation(
  tx: Transaction,
  clusterId: string,
  seen: {
    at: Date;
    incarnation: string;
    superseded: readonly string[];
    seq: number;
    appliedRevision: number;
    observed: unknown;
    silentSince: Date | null;
    silence: string | null;
    dropped: number;
    desireChanged: boolean;
  },
): Promise<number> {
  const [row] = await tx
    .update(cluster)
    .set({
      incarnation: seen.incarnation,
      superseded: [...seen.superseded],
      lastSeq: seen.seq,
      lastSeenAt: sql`clock_timestamp()`,
      seenSince: sql`coalesce(case when ${isSeen} then ${cluster.seenSince} end, clock_timestamp())`,
      observedAt: seen.at,
      silentSince: seen.silentSince,
      silence: seen.silence,
      appliedRevision: seen.appliedRevision,
      ...(seen.dropped > 0 && { droppedReadings: sql`${cluster.droppedReadings} + ${seen.dropped}` }),
      ...(seen.observed === undefined ? {} : { observed: seen.observed }),
      desiredRevision: seen.desireChanged ? sql`${cluster.desiredRevision} + 1` : cluster.desiredRevision,
    })
    .where(eq(cluster.id, clusterId))
    .returning({ revision: cluster.desiredRevision });
  return row?.revision ?? 0;
}

/** For how many seconds the agent has spoken without a break; 0 while it is away. */
export async function agentSeenFor(db: Db, clusterId: string): Promise<number> {
  const [row] = await db
    .select({ seconds: sql<number>`extract(epoch from clock_timestamp() - ${cluster.seenSince})::float8` })
    .from(cluster)
    .where(and(eq(cluster.id, clusterId), isSeen));
  return row?.seconds ?? 0;
}
