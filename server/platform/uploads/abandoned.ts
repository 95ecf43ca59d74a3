/**
 * Uploads that nobody goes on with, and files that a crash left behind.
 *
 * The row goes first, and alone decides. Whoever sends a part holds the row while they touch the file; whoever removes
 * an upload locks the row before they look at the file. So a part comes first and the upload stays, or it comes second
 * and is refused before a byte of it is taken. Files go second, for having no row that needs them: a process killed in
 * between leaves such files, and the next round finds them. The file first would leave a row that promises its bytes.
 */
import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { incomingFolder } from "../blobs";
import { config } from "../config";
import type { Database, Transaction } from "../db";
import { absent, uploadFolder } from "./folder";
import * as repo from "./repo";

/** Removes what had no new byte for as long as uploads are kept. `fence` is the caller's lease. */
export async function removeAbandoned(
  db: Database,
  fence: (tx: Transaction) => Promise<void>,
): Promise<void> {
  const before = Date.now() - config().uploadKeepHours * 3_600_000;
  for (const upload of await repo.listUnfinished(db)) {
    if (!(await isOlder(upload, before))) continue;
    await db.transaction(async (tx) => {
      await fence(tx);
      const unfinished = await repo.lockUnfinished(tx, upload.id);
      if (unfinished && (await isOlder(upload, before))) await repo.deleteUnfinished(tx, upload.id);
    });
  }
  // Listed before the rows are read: an upload has its row before its file.
  const files = await oldFiles(uploadFolder(), before);
  const needed = await db.transaction(async (tx) => {
    await fence(tx);
    return repo.unfinishedAmong(tx, files.map(uploadOf));
  });
  await removeFiles(
    uploadFolder(),
    files.filter((name) => !needed.has(uploadOf(name))),
  );
  await removeFiles(incomingFolder(), await oldFiles(incomingFolder(), before));
}

/** By its file; where a crash left none, by its row. */
async function isOlder(upload: { id: string; createdAt: Date }, before: number): Promise<boolean> {
  const file = await stat(join(uploadFolder(), upload.id)).catch(absent);
  return (file?.mtimeMs ?? upload.createdAt.getTime()) < before;
}

/** The tus server keeps what it knows of an upload beside its bytes. */
const uploadOf = (name: string): string => name.replace(/\.json$/, "");

async function oldFiles(folder: string, before: number): Promise<string[]> {
  const old: string[] = [];
  for (const name of (await readdir(folder).catch(absent)) ?? []) {
    const file = await stat(join(folder, name)).catch(absent);
    if (file?.isFile() && file.mtimeMs < before) old.push(name);
  }
  return old;
}

async function removeFiles(folder: string, names: readonly string[]): Promise<void> {
  for (const name of names) await rm(join(folder, name), { force: true });
}
