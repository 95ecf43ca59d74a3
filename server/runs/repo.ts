/** Writes of runs and attempts. States move by compare-and-swap on the expected one, under the lock of the run. */
import { and, desc, eq, inArray, isNotNull, isNull, sql } from "drizzle-orm";
import type { PgUpdateSetSource } from "drizzle-orm/pg-core";
import { teamBlob } from "../../db/schema/platform";
import { attempt, checkpoint, run } from "../../db/schema/runs";
import { releaseBlob } from "../platform/blobs";
import type { Db, Transaction } from "../platform/db";
import { Conflict } from "../platform/errors";
import { type KeepPolicy, whyKept } from "./checkpoints";
import { type AttemptState, CheckpointRef, CheckpointReport, type RunState } from "./contract";
import { type Attempt, type Run, toAttempt, toRun } from "./records";
import { ATTEMPT_MOVES, LIVE_ATTEMPT_STATES, LIVE_RUN_STATES, RUN_MOVES } from "./states";

type NewRun = Omit<typeof run.$inferInsert, "number">;

/** Inserts a run under the team's next number; creators of one team take turns. */
export async function insertRun(tx: Transaction, row: NewRun): Promise<Run> {
  await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${`run:${row.teamId}`}, 0))`);
  const [created] = await tx
    .insert(run)
    .values({
      ...row,
      number: sql`(select coalesce(max(number), 0) + 1 from run where team_id = ${row.teamId})`,
    })
    .returning();
  if (!created) throw new Error("the run was not inserted");
  return toRun(created);
}

/** @param isAdmitted false leaves it to the queue when the cluster is asked for it */
export async function insertAttempt(
  tx: Transaction,
  row: Omit<typeof attempt.$inferInsert, "admittedAt">,
  isAdmitted: boolean,
): Promise<Attempt> {
  const [created] = await tx
    .insert(attempt)
    .values({ ...row, admittedAt: isAdmitted ? sql`now()` : null })
    .returning();
  if (!created) throw new Error("the attempt was not inserted");
  return toAttempt(created);
}

/** The run, locked: everything that changes a run or its attempts takes turns here. */
export async function lockRun(tx: Transaction, runId: string): Promise<Run | null> {
  const [row] = await tx.select().from(run).where(eq(run.id, runId)).for("update");
  return row ? toRun(row) : null;
}

/** The same for a run of this team only. */
export async function lockTeamRun(tx: Transaction, teamId: string, runId: string): Promise<Run | null> {
  const [row] = await tx
    .select()
    .from(run)
    .where(and(eq(run.id, runId), eq(run.teamId, teamId)))
    .for("update");
  return row ? toRun(row) : null;
}

export async function newestAttempt(db: Db, runId: string): Promise<Attempt | null> {
  const [row] = await db
    .select()
    .from(attempt)
    .where(eq(attempt.runId, runId))
    .orderBy(desc(attempt.number))
    .limit(1);
  return row ? toAttempt(row) : null;
}

/** @throws Conflict when the move is illegal or the state is another by now */
export async function moveRun(
  tx: Transaction,
  current: Run,
  to: RunState,
  patch: PgUpdateSetSource<typeof run> = {},
): Promise<Run> {
  if (!RUN_MOVES[current.state].includes(to)) throw illegal("run", current.state, to);
  const [row] = await tx
    .update(run)
    .set({ ...patch, state: to })
    .where(and(eq(run.id, current.id), eq(run.state, current.state)))
    .returning();
  if (!row) throw new Conflict(`Run ${current.number} is not ${current.state} any more.`);
  return toRun(row);
}

/** @throws Conflict when the move is illegal or the state is another by now */
export async function moveAttempt(
  tx: Transaction,
  current: Attempt,
  to: AttemptState,
  patch: PgUpdateSetSource<typeof attempt> = {},
): Promise<Attempt> {
  if (!ATTEMPT_MOVES[current.state].includes(to)) throw illegal("attempt", current.state, to);
  const [row] = await tx
    .update(attempt)
    .set({ ...patch, state: to, stateSince: sql`now()` })
    .where(and(eq(attempt.id, current.id), eq(attempt.state, current.state)))
    .returning();
  if (!row) throw new Conflict(`Attempt ${current.number} is not ${current.state} any more.`);
  return toAttempt(row);
}

const illegal = (machine: string, from: string, to: string) =>
  new Conflict(`A ${machine} that is ${from} can't become ${to}.`, { code: "illegal_transition" });

/** There is no room to grow, or it grew. */
export const NO_GROWTH = { growTo: null, growSince: null, growRequestedAt: null };

export async function patchRun(tx: Db, runId: string, patch: PgUpdateSetSource<typeof run>) {
  await tx.update(run).set(patch).where(eq(run.id, runId));
}

export async function patchAttempt(tx: Db, attemptId: string, patch: PgUpdateSetSource<typeof attempt>) {
  await tx.update(attempt).set(patch).where(eq(attempt.id, attemptId));
}

/** The version that a run made, if it made one. */
export async function linkResultVersion(tx: Transaction, runId: string): Promise<void> {
  await tx.execute(sql`
    update run set result_version_id = version.id from version
    where run.id = ${runId} and version.run_id = run.id and version.id is distinct from run.version_id`);
}

/** The newest checkpoint of a run, whichever attempt stored it, or the one that the run began from. */
export async function newestCheckpoint(
  db: Db,
  { id, startCheckpoint }: Pick<Run, "id" | "startCheckpoint">,
): Promise<CheckpointRef | null> {
  const [row] = await db
    .select({ step: checkpoint.step, sha256: checkpoint.sha256, bytes: checkpoint.bytes })
    .from(checkpoint)
    .where(eq(checkpoint.runId, id))
    .orderBy(desc(checkpoint.step))
    .limit(1);
  return row ?? startCheckpoint;
}

export async function findCheckpoint(
  db: Db,
  runId: string,
  checkpointId: string,
): Promise<CheckpointRef | undefined> {
  const [row] = await db
    .select({ step: checkpoint.step, sha256: checkpoint.sha256, bytes: checkpoint.bytes })
    .from(checkpoint)
    .where(and(eq(checkpoint.runId, runId), eq(checkpoint.id, checkpointId)));
  return row;
}

/** What an attempt starts from: the newest checkpoint of the attempts before it, or the one that the run began from. */
export async function checkpointBefore(
  db: Db,
  { id, startCheckpoint }: Pick<Run, "id" | "startCheckpoint">,
  attemptNumber: number,
): Promise<CheckpointRef | null> {
  const [row] = await db
    .select({ step: checkpoint.step, sha256: checkpoint.sha256, bytes: checkpoint.bytes })
    .from(checkpoint)
    .innerJoin(attempt, eq(attempt.id, checkpoint.attemptId))
    .where(and(eq(checkpoint.runId, id), sql`${attempt.number} < ${attemptNumber}`))
    .orderBy(desc(checkpoint.step))
    .limit(1);
  return row ?? startCheckpoint;
}

/** A replay of the same checkpoint changes nothing. */
export async function insertCheckpoint(tx: Transaction, row: typeof checkpoint.$inferInsert): Promise<void> {
  await tx.insert(checkpoint).values(row).onConflictDoNothing();
}

/**
 * Drops the checkpoints of a run that its policy does not keep, except those that other runs are about to go on from.
 * Answers the digests of which no row is left: their bytes may go once the transaction is committed.
 */
export async function dropCheckpoints(tx: Transaction, of: Run, policy: KeepPolicy): Promise<string[]> {
  const rows = await tx.select().from(checkpoint).where(eq(checkpoint.runId, of.id));
  const stored = rows.map((row) => ({ ...row, metrics: CheckpointReport.shape.metrics.parse(row.metrics) }));
  const kept = whyKept(stored, policy);
  const wanted = await startingPoints(tx, of.teamId);
  const gone = stored.filter(({ id, sha256 }) => !kept.has(id) && !wanted.has(sha256));
  if (gone.length === 0) return [];
  await tx.delete(checkpoint).where(
    inArray(
      checkpoint.id,
      gone.map(({ id }) => id),
    ),
  );
  const released: string[] = [];
  for (const sha256 of new Set(gone.map((one) => one.sha256)))
    if (await releaseBlob(tx, of.teamId, sha256)) released.push(sha256);
  return released;
}

/** Digests of the checkpoints that runs of a team begin from which are not over. */
async function startingPoints(db: Db, teamId: string): Promise<Set<string>> {
  const rows = await db
    .select({ from: run.startCheckpoint })
    .from(run)
    .where(
      and(eq(run.teamId, teamId), inArray(run.state, [...LIVE_RUN_STATES]), isNotNull(run.startCheckpoint)),
    );
  return new Set(rows.map(({ from }) => CheckpointRef.parse(from).sha256));
}

/** Attempts of a cluster that are not over, with their runs. */
export async function liveAttempts(db: Db, clusterId: string): Promise<{ run: Run; attempt: Attempt }[]> {
  const rows = await db
    .select({ run, attempt })
    .from(attempt)
    .innerJoin(run, eq(run.id, attempt.runId))
    .where(and(eq(run.clusterId, clusterId), inArray(attempt.state, [...LIVE_ATTEMPT_STATES])))
    .orderBy(run.id);
  return rows.map((r) => ({ run: toRun(r.run), attempt: toAttempt(r.attempt) }));
}

/** Marks a run as to be stopped; false when it was already, or is over. */
export async function markStopRequested(
  tx: Transaction,
  runId: string,
  reason: string | null,
): Promise<boolean> {
  const rows = await tx
    .update(run)
    .set({ stopRequestedAt: sql`now()`, stopReason: reason })
    .where(and(eq(run.id, runId), isNull(run.stopRequestedAt), inArray(run.state, [...LIVE_RUN_STATES])))
    .returning({ id: run.id });
  return rows.length > 0;
}

export async function hasBlob(db: Db, teamId: string, sha256: string): Promise<boolean> {
  const rows = await db
    .select({ sha256: teamBlob.sha256 })
    .from(teamBlob)
    .where(and(eq(teamBlob.teamId, teamId), eq(teamBlob.sha256, sha256)));
  return rows.length > 0;
}
