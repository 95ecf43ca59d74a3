import { and, eq, isNotNull, isNull, sql } from "drizzle-orm";
import { upload } from "../../../db/schema/platform";
import type { Db } from "../db";

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

export async function finishUpload(db: Db, uploadId: string, sha256: string): Promise<void> {
  await db
    .update(upload)
    .set({ sha256, finishedAt: sql`now()` })
    .where(and(eq(upload.id, uploadId), isNull(upload.finishedAt)));
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
