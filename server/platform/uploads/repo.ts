import { and, eq, inArray, isNotNull, isNull, sql } from "drizzle-orm";
import { upload } from "../../../db/schema/platform";
import type { Db, Transaction } from "../db";

type NewUpload = Pick<
  typeof upload.$inferInsert,
  "id" | "teamId" | "purpose" | "filename" | "bytes" | "createdBy"
>;

export async function insertUpload(db: Db, row: NewUpload): Promise<void> {
  await db.insert(upload).values(row);
}

/** An upload of this person, in whichever team. */
export async function findUpload(db: Db, uploadId: string, personId: string) {
  const [row] = await db
    .select()
    .from(upload)
    .where(and(eq(upload.id, uploadId), eq(upload.createdBy, personId)));
  return row;
}

/** Holds an upload of this person against its removal until the end of the transaction; false when it is gone. */
export async function holdUpload(tx: Transaction, uploadId: string, personId: string): Promise<boolean> {
  const rows = await tx
    .select({ id: upload.id })
    .from(upload)
    .where(and(eq(upload.id, uploadId), eq(upload.createdBy, personId)))
    .for("share");
  return rows.length > 0;
}

export async function finishUpload(db: Db, uploadId: string, sha256: string): Promise<void> {
  await db
    .update(upload)
    .set({ sha256, finishedAt: sql`now()` })
    .where(and(eq(upload.id, uploadId), isNull(upload.finishedAt)));
}

/** Of every team: what the controller looks through. */
export const listUnfinished = (db: Db) =>
  db.select({ id: upload.id, createdAt: upload.createdAt }).from(upload).where(isNull(upload.finishedAt));

/** Locks an upload against whoever goes on with it; false when it is finished or gone. */
export async function lockUnfinished(tx: Transaction, uploadId: string): Promise<boolean> {
  const rows = await tx
    .select({ id: upload.id })
    .from(upload)
    .where(and(eq(upload.id, uploadId), isNull(upload.finishedAt)))
    .for("update");
  return rows.length > 0;
}

export async function unfinishedAmong(db: Db, uploadIds: readonly string[]): Promise<Set<string>> {
  const rows = await db
    .select({ id: upload.id })
    .from(upload)
    .where(and(inArray(upload.id, [...uploadIds]), isNull(upload.finishedAt)));
  return new Set(rows.map((row) => row.id));
}

export async function deleteUnfinished(db: Db, uploadId: string): Promise<void> {
  await db.delete(upload).where(and(eq(upload.id, uploadId), isNull(upload.finishedAt)));
}

/** A finished upload of this team and person. */
export async function findFinished(db: Db, teamId: string, personId: string, uploadId: string) {
  const [row] = await db
    .select()
    .from(upload)
    .where(
      and(
        eq(upload.id, uploadId),
        eq(upload.teamId, teamId),
        eq(upload.createdBy, personId),
        isNotNull(upload.finishedAt),
      ),
    );
  return row;
}
