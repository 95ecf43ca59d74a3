/** SQL of studio sessions and measurements. Every query takes the team, except what serves a whole cluster. */
import { and, asc, desc, eq, inArray, sql } from "drizzle-orm";
import { studioMeasurement, studioSession } from "../../db/schema/studio";
import type { Db, Transaction } from "../platform/db";
import { Settings } from "./contract";

export type SessionRow = typeof studioSession.$inferSelect;
const LIVE = ["opening", "ready"] as const;

/** The session that is open for this version and dataset; opening two at once waits for the first. */
export async function findLive(tx: Transaction, teamId: string, versionId: string, datasetId: string) {
  await tx.execute(
    sql`select pg_advisory_xact_lock(hashtextextended(${`studio:${versionId}:${datasetId}`}, 0))`,
  );
  const [row] = await tx
    .select()
    .from(studioSession)
    .where(
      and(
        eq(studioSession.teamId, teamId),
        eq(studioSession.versionId, versionId),
        eq(studioSession.datasetId, datasetId),
        inArray(studioSession.state, [...LIVE]),
      ),
    );
  return row;
}

export async function insertSession(tx: Transaction, row: typeof studioSession.$inferInsert): Promise<void> {
  await tx.insert(studioSession).values(row);
}

export async function findSession(
  db: Db,
  teamId: string,
  sessionId: string,
): Promise<SessionRow | undefined> {
  const [row] = await db
    .select()
    .from(studioSession)
    .where(and(eq(studioSession.id, sessionId), eq(studioSession.teamId, teamId)));
  return row;
}

/** Less than any idle limit; a use is written down no more often. */
const USE_SECONDS = 5;

/** Says that a session is in use. */
export async function touch(db: Db, sessionId: string): Promise<void> {
  await db
    .update(studioSession)
    .set({ lastUsedAt: sql`now()` })
    .where(
      and(
        eq(studioSession.id, sessionId),
        sql`${studioSession.lastUsedAt} < now() - make_interval(secs => ${USE_SECONDS})`,
      ),
    );
}

/** Sessions that a cluster should keep warm. */
export async function listDesired(db: Db, clusterId: string): Promise<SessionRow[]> {
  return db
    .select()
    .from(studioSession)
    .where(and(eq(studioSession.clusterId, clusterId), inArray(studioSession.state, [...LIVE])))
    .orderBy(asc(studioSession.createdAt));
}

/** What the agent saw of a session that is still wanted. */
export async function observe(
  tx: Db,
  sessionId: string,
  seen: Partial<Pick<SessionRow, "state" | "address" | "nodeId" | "message">>,
) {
  const [row] = await tx
    .update(studioSession)
    .set(seen)
    .where(
      and(
        eq(studioSession.id, sessionId),
        inArray(studioSession.state, [...LIVE]),
        sql`(state, coalesce(address, ''), message) is distinct from
            (${seen.state}::text, coalesce(${seen.address ?? null}::text, ''), ${seen.message ?? ""}::text)`,
      ),
    )
    .returning({ teamId: studioSession.teamId, clusterId: studioSession.clusterId });
  return row;
}

/** Closes sessions that nobody has used for so long. */
export async function closeIdle(tx: Transaction, idleSeconds: number) {
  return tx
    .update(studioSession)
    .set({ state: "closed", address: null, closedAt: sql`now()`, message: "closed after idling" })
    .where(
      and(
        inArray(studioSession.state, [...LIVE]),
        sql`${studioSession.lastUsedAt} < now() - make_interval(secs => ${idleSeconds})`,
      ),
    )
    .returning({ id: studioSession.id, teamId: studioSession.teamId, clusterId: studioSession.clusterId });
}

/** The newest revision that was measured in a session. */
export async function lastRev(db: Db, sessionId: string): Promise<number> {
  const [row] = await db
    .select({ rev: sql<number>`coalesce(max(${studioMeasurement.rev}), 0)::int` })
    .from(studioMeasurement)
    .where(eq(studioMeasurement.sessionId, sessionId));
  return row?.rev ?? 0;
}

/** Keeps a measurement; one with more samples of the same revision takes its place. */
export async function keepMeasurement(tx: Db, row: typeof studioMeasurement.$inferInsert): Promise<void> {
  await tx
    .insert(studioMeasurement)
    .values(row)
    .onConflictDoUpdate({
      target: [studioMeasurement.sessionId, studioMeasurement.rev],
      set: { measured: row.measured, n: row.n },
      setWhere: sql`${studioMeasurement.n} < excluded.n`,
    });
}

const measuredOn = (teamId: string, versionId: string, datasetId: string) =>
  and(
    eq(studioMeasurement.teamId, teamId),
    eq(studioMeasurement.versionId, versionId),
    eq(studioMeasurement.datasetId, datasetId),
  );

/** Rows from before a dial existed lack it: they were measured with it at its start. */
const sameSettings = (settings: Settings) =>
  sql`${JSON.stringify(Settings.parse({}))}::jsonb || ${studioMeasurement.settings} = ${JSON.stringify(settings)}::jsonb`;

/** The newest measurement of these very settings. */
export async function findMeasurement(
  db: Db,
  teamId: string,
  versionId: string,
  datasetId: string,
  settings: Settings,
) {
  const [row] = await db
    .select()
    .from(studioMeasurement)
    .where(and(measuredOn(teamId, versionId, datasetId), sameSettings(settings)))
    .orderBy(desc(studioMeasurement.createdAt))
    .limit(1);
  return row;
}

/** The newest measurement of each setting of a version on a dataset, newest first. */
export async function listMeasurements(db: Db, teamId: string, versionId: string, datasetId: string) {
  const best = db
    .selectDistinctOn([studioMeasurement.settings])
    .from(studioMeasurement)
    .where(measuredOn(teamId, versionId, datasetId))
    .orderBy(studioMeasurement.settings, desc(studioMeasurement.n), desc(studioMeasurement.createdAt))
    .as("best");
  return db.select().from(best).orderBy(desc(best.createdAt)).limit(200);
}
