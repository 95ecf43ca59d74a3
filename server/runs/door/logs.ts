/** Ingestion of logs: idempotent by offset, stored deflated, cut so that readers can count lines without inflating. */
import { deflateSync } from "node:zlib";
import { desc, sql } from "drizzle-orm";
import type { z } from "zod";
import { logChunk } from "../../../db/schema/runs";
import type { Database, Transaction } from "../../platform/db";
import { tellNews } from "../../platform/live/relay";
import type { LogChunk } from "../contract";
import type { AttemptOwner } from "./owner";

type Chunk = z.infer<typeof LogChunk>;

/** Stores what is new of each chunk; what was stored before is skipped, wherever a replay was cut. */
export async function ingestLogs(db: Database, owner: AttemptOwner, chunks: Chunk[]): Promise<void> {
  if (chunks.length === 0) return;
  await db.transaction(async (tx) => {
    await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${`log:${owner.id}`}, 0))`);
    const ends = new Map<number, number>();
    const rows: (typeof logChunk.$inferInsert)[] = [];
    for (const chunk of [...chunks].sort((a, b) => a.rank - b.rank || a.offset - b.offset)) {
      const end = ends.get(chunk.rank) ?? (await storedEnd(tx, owner.id, chunk.rank));
      const fresh = newPart(chunk, end);
      ends.set(chunk.rank, Math.max(end, chunk.offset + characters(chunk.text).length));
      for (const piece of pieces(fresh)) {
        rows.push({
          runId: owner.runId,
          attemptId: owner.id,
          rank: chunk.rank,
          offset: piece.offset,
          length: characters(piece.text).length,
          lines: piece.lines,
          body: deflateSync(piece.text),
        });
      }
    }
    if (rows.length > 0) await tx.insert(logChunk).values(rows).onConflictDoNothing();
  });
  tellNews(owner.runId, "logs");
}

/** Offsets count characters as Python does: code points. */
const characters = (text: string): string[] => Array.from(text);

async function storedEnd(tx: Transaction, attemptId: string, rank: number): Promise<number> {
  const [last] = await tx
    .select({ offset: logChunk.offset, length: logChunk.length })
    .from(logChunk)
    .where(sql`${logChunk.attemptId} = ${attemptId} and ${logChunk.rank} = ${rank}`)
    .orderBy(desc(logChunk.offset))
    .limit(1);
  return last ? last.offset + last.length : 0;
}

/** The part of a chunk beyond `end`. */
export function newPart(
  chunk: { offset: number; text: string },
  end: number,
): { offset: number; text: string } {
  if (chunk.offset >= end) return chunk;
  return {
    offset: end,
    text: characters(chunk.text)
      .slice(end - chunk.offset)
      .join(""),
  };
}

/**
 * Cuts a text after its last line break: a stored piece either ends with one (and counts its lines) or holds none at
 * all (0 lines: a line that goes on in the next piece).
 */
export function pieces(chunk: {
  offset: number;
  text: string;
}): { offset: number; text: string; lines: number }[] {
  const cut = chunk.text.lastIndexOf("\n") + 1;
  const whole = chunk.text.slice(0, cut);
  const rest = chunk.text.slice(cut);
  const found = [];
  if (whole) found.push({ offset: chunk.offset, text: whole, lines: whole.split("\n").length - 1 });
  if (rest) found.push({ offset: chunk.offset + characters(whole).length, text: rest, lines: 0 });
  return found;
}
