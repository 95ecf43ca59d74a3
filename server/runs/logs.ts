/** Reading logs by the line: a stretch by its place, lines that match, the line of a moment. Nothing is read whole. */
import { inflateSync } from "node:zlib";
import { type SQL, sql } from "drizzle-orm";
import type { z } from "zod";
import type { Db } from "../platform/db";
import type { LogLevel, LogSearch } from "./screens";

type Level = z.infer<typeof LogLevel>;
export interface LogLine {
  /** Its place in what is read, all ranks or one, from 0; it never changes. */
  index: number;
  rank: number;
  /** Counted from 1 in the log of its rank. */
  number: number;
  level: Level | null;
  text: string;
}

/** One attempt's log, of all ranks as it arrived or of one. */
export interface LogOf {
  attemptId: string;
  rank?: number | undefined;
}

/** Chunks inflated at once, and in all for one answer: a search that finds nothing says where to go on. */
const BATCH = 256;
const MAX_CHUNKS = 2_048;
const LEVELS: readonly Level[] = ["debug", "info", "warning", "error"];

interface Chunk extends Record<string, unknown> {
  rank: number;
  body: Buffer;
  first_index: number;
  first_number: number;
  /** The unfinished line that this chunk completes, in order. */
  before: Buffer[] | null;
}

/** Chunks that complete lines, with the places of their first; unfinished lines come with the chunk that ends them. */
const placed = ({ attemptId, rank }: LogOf): SQL => sql`
  placed as (
    select id, rank, "offset", lines, created_at,
           (sum(lines) over (order by id) - lines)::float8 as first_index,
           (1 + sum(lines) over w - lines)::float8 as first_number,
           sum((lines > 0)::int) over w - (lines > 0)::int as line_group
    from log_chunk where attempt_id = ${attemptId} ${rank === undefined ? sql`` : sql`and rank = ${rank}`}
    window w as (partition by rank order by "offset")
  )`;

/** How many lines a log has by now. */
export async function countLines(db: Db, { attemptId, rank }: LogOf): Promise<number> {
  const { rows } = await db.execute<{ lines: number }>(sql`
    select coalesce(sum(lines), 0)::float8 as lines from log_chunk
    where attempt_id = ${attemptId} ${rank === undefined ? sql`` : sql`and rank = ${rank}`}`);
  return rows[0]?.lines ?? 0;
}

/** The lines from one place to another, the last not included. */
export async function readLines(db: Db, of: LogOf, from: number, to: number): Promise<LogLine[]> {
  const chunks = await readChunks(
    db,
    of,
    sql`first_index < ${to} and first_index + lines > ${from}`,
    to - from,
  );
  return chunks.flatMap(linesOf).filter((line) => line.index >= from && line.index < to);
}

/** Lines that match, oldest first, from a place on. `next` is where to go on; null at the end of what is there. */
export async function searchLines(
  db: Db,
  of: LogOf,
  query: z.infer<typeof LogSearch>,
): Promise<{ lines: LogLine[]; next: number | null }> {
  const matches = matcher(query);
  const found: LogLine[] = [];
  let from = query.cursor ?? 0;
  for (let read = 0; read < MAX_CHUNKS; read += BATCH) {
    const chunks = await readChunks(db, of, sql`first_index + lines > ${from}`, BATCH);
    for (const line of chunks.flatMap(linesOf)) {
      if (line.index < from) continue;
      from = line.index + 1;
      if (matches(line)) found.push(line);
      if (found.length === query.limit) return { lines: found, next: from };
    }
    if (chunks.length < BATCH) return { lines: found, next: null };
  }
  return { lines: found, next: from };
}

/** The place of the first line that arrived at a moment (Unix ms) or after it, else of the last; null without any. */
export async function lineAt(db: Db, of: LogOf, ts: number): Promise<number | null> {
  const { rows } = await db.execute<{ index: number | null }>(sql`
    with ${placed(of)}
    select coalesce(min(first_index) filter (where created_at >= to_timestamp(${ts / 1000})),
                    max(first_index + lines) - 1)::float8 as index
    from placed where lines > 0`);
  return rows[0]?.index ?? null;
}

async function readChunks(db: Db, of: LogOf, where: SQL, limit: number): Promise<Chunk[]> {
  const { rows } = await db.execute<Chunk>(sql`
    with ${placed(of)}, page as (
      select * from placed where lines > 0 and ${where} order by id limit ${limit}
    )
    select p.rank::int, p.first_index, p.first_number, b.body,
           (select array_agg(f.body order by f."offset") from placed c
             join log_chunk f on f.attempt_id = ${of.attemptId} and f.rank = c.rank and f."offset" = c."offset"
             where c.rank = p.rank and c.lines = 0 and c.line_group = p.line_group) as before
    from page p
    join log_chunk b on b.attempt_id = ${of.attemptId} and b.rank = p.rank and b."offset" = p."offset"
    order by p.id`);
  return rows;
}

function linesOf(chunk: Chunk): LogLine[] {
  const text = [...(chunk.before ?? []), chunk.body].map((b) => inflateSync(b).toString("utf8")).join("");
  return text
    .split("\n")
    .slice(0, -1)
    .map((line, at) => ({
      index: chunk.first_index + at,
      rank: chunk.rank,
      number: chunk.first_number + at,
      level: levelOf(line),
      text: line.replace(/\r$/, ""),
    }));
}

/** The level that a line names near its beginning; null where it names none. */
export function levelOf(line: string): Level | null {
  const word = /\b(DEBUG|INFO|WARN(?:ING)?|ERROR|CRITICAL|FATAL)\b/.exec(line.slice(0, 80))?.[1];
  if (!word) return /^Traceback \(most recent call last\)/.test(line) ? "error" : null;
  if (word === "DEBUG") return "debug";
  if (word === "INFO") return "info";
  return word.startsWith("WARN") ? "warning" : "error";
}

function matcher({ search, level }: z.infer<typeof LogSearch>): (line: LogLine) => boolean {
  const needle = search?.toLowerCase() ?? "";
  const least = level ? LEVELS.indexOf(level) : -1;
  return (line) =>
    (least < 0 || (line.level !== null && LEVELS.indexOf(line.level) >= least)) &&
    (needle === "" || line.text.toLowerCase().includes(needle));
}
