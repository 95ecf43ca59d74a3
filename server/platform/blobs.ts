/** The blob store: bytes by sha256 on the filesystem. A row exists only for bytes that are safely on disk. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { and, eq } from "drizzle-orm";
import { blob, teamBlob } from "../../db/schema/platform";
import { config } from "./config";
import type { Db, Transaction } from "./db";
import { Invalid, NotFound, sqlState, Unavailable } from "./errors";
import { newId } from "./ids";

const FOREIGN_KEY = "23503";

export const blobPath = (sha256: string): string =>
  join(config().home, "blobs", "sha256", sha256.slice(0, 2), sha256);

/** Where streams are until all of their bytes are there. */
export const incomingFolder = (): string => join(config().home, "blobs", "incoming");

/** sha256 and size of a file, read again from disk. */
export async function hashFile(path: string): Promise<{ sha256: string; bytes: number }> {
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  return { sha256: hash.digest("hex"), bytes };
}

/**
 * Moves a finished file into the store: hash from disk, fsync, rename, fsync of the folder. The caller commits the
 * row with `registerBlob` afterwards, so a crash in between leaves bytes without a row, never a row without bytes.
 *
 * @param expected refuse when the bytes on disk have another digest
 */
export async function adoptFile(path: string, expected?: string): Promise<{ sha256: string; bytes: number }> {
  const found = await hashFile(path);
  if (expected && found.sha256 !== expected) {
    await rm(path, { force: true });
    throw new Invalid(
      `The bytes on disk have digest ${found.sha256.slice(0, 12)}…, not ${expected.slice(0, 12)}….`,
      {
        code: "digest_mismatch",
        remedy: "Send them again.",
      },
    );
  }
  const target = blobPath(found.sha256);
  await mkdir(dirname(target), { recursive: true });
  await sync(path);
  await rename(path, target);
  await sync(dirname(target));
  return found;
}

/** Stores a stream of bytes. @throws Invalid when they are more than `maxBytes` or not `expected` */
export async function storeStream(
  source: Readable,
  options: { expected?: string; maxBytes: number },
): Promise<{ sha256: string; bytes: number }> {
  await mkdir(incomingFolder(), { recursive: true });
  const path = join(incomingFolder(), newId("tmp"));
  const file = await open(path, "wx", 0o600);
  let bytes = 0;
  try {
    await pipeline(
      source,
      async function* limit(chunks: AsyncIterable<Buffer>) {
        for await (const chunk of chunks) {
          bytes += chunk.length;
          if (bytes > options.maxBytes) throw new Invalid(`More than ${options.maxBytes} bytes were sent.`);
          yield chunk;
        }
      },
      file.createWriteStream(),
    );
  } catch (error) {
    await rm(path, { force: true });
    if (error instanceof Error && "code" in error && error.code === "ENOSPC") {
      throw new Unavailable("The server's disk is full; nothing was stored.", {
        cause: error,
        remedy: "Free some space under its data folder and send it again.",
      });
    }
    throw error;
  }
  return adoptFile(path, options.expected);
}

/** Forgets a blob that nothing refers to any more; false, with nothing changed, where something does. */
export async function releaseBlob(tx: Transaction, teamId: string, sha256: string): Promise<boolean> {
  try {
    await tx.transaction(async (inner) => {
      await inner.delete(teamBlob).where(and(eq(teamBlob.teamId, teamId), eq(teamBlob.sha256, sha256)));
      await inner.delete(blob).where(eq(blob.sha256, sha256));
    });
    return true;
  } catch (error) {
    if (sqlState(error) === FOREIGN_KEY) return false;
    throw error;
  }
}

/** Removes the bytes of blobs that were released, after the transaction that did so. */
export async function removeReleased(db: Db, digests: readonly string[]): Promise<void> {
  for (const sha256 of digests) {
    const again = await db.select({ sha256: blob.sha256 }).from(blob).where(eq(blob.sha256, sha256));
    if (again.length === 0) await rm(blobPath(sha256), { force: true });
  }
}

export async function registerBlob(
  tx: Db,
  teamId: string,
  found: { sha256: string; bytes: number },
): Promise<void> {
  await tx.insert(blob).values(found).onConflictDoNothing();
  await tx.insert(teamBlob).values({ teamId, sha256: found.sha256 }).onConflictDoNothing();
}

/** Where the bytes of a team's blob are. @throws NotFound for another team's blob too */
export async function locateBlob(
  db: Db,
  teamId: string,
  sha256: string,
): Promise<{ path: string; bytes: number }> {
  const [row] = await db
    .select({ bytes: blob.bytes })
    .from(teamBlob)
    .innerJoin(blob, eq(blob.sha256, teamBlob.sha256))
    .where(and(eq(teamBlob.teamId, teamId), eq(teamBlob.sha256, sha256)));
  if (!row) throw new NotFound(`There is no blob ${sha256.slice(0, 12)}….`);
  const path = blobPath(sha256);
  const onDisk = await stat(path).catch(() => null);
  if (onDisk?.size !== row.bytes) {
    throw new Unavailable(`Blob ${sha256.slice(0, 12)}… is damaged on the server's disk.`, {
      remedy: "Restore it from a backup.",
    });
  }
  return { path, bytes: row.bytes };
}

async function sync(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
