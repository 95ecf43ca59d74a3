/** Reading logs by the line, forwards and backwards, searched here and not in the browser. */
import { inflateSync } from "node:zlib";
import { sql } from "drizzle-orm";
import type { z } from "zod";
import type { Db } from "../platform/db";
import type { LogLevel, LogsQuery } from "./screens";

type Level = z.infer<typeof LogLevel>;
export interface LogLine {
  cursor: string;
  rank: number;
  /** Counted from 1 in the log of its rank. */
  number: number;
  level: Level | null;
  text: string;
}

/** Chunks read at once, and in all for one answer: a search that finds nothing ends with a cursor to go on from. */
const BATCH = 64;
const MAX_CHUNKS = 2_048;
/** Beyond the last line of any chunk. */
const PAST = 999_999_999;
const LEVELS: readonly Level[] = ["debug", "info", "warning", "error"];

interface Chunk extends Record<string, unknown> {
  id: string;
  rank: number;
  body: Buffer;
  first_line: number;
  /** The unfinished line that this chunk completes, in order. */
  before: Buffer[] | null;
}
interface Position {
  chunk: bigint;
  line: number;
}

/**
 * A page of a log, oldest line first. `nextCursor` goes on in the direction read; null at the end, which of a live run
 * is the end so far.
 */
export async function readLogs(
  db: Db,
  attemptId: string,
  query: z.infer<typeof LogsQuery>,
): Promise<{ lines: LogLine[]; nextCursor: string | null }> {
  const forward = !query.backwards;
  const matches = matcher(query);
  const found: LogLine[] = [];
  let position = parsePosition(query.cursor);
  for (let read = 0; read < MAX_CHUNKS; ) {
    const chunks = await readChunks(db, attemptId, query.rank, position, forward);
    for (const chunk of chunks) {
      for (const line of linesOf(chunk, position, forward)) {
        position = parsePosition(line.cursor);
        if (matches(line)) found.push(line);
        if (found.length === query.limit) return page(found, position, forward);
      }
      position = { chunk: BigInt(chunk.id), line: forward ? PAST : 0 };
    }
    read += chunks.length;
    if (chunks.length < BATCH) return page(found, null, forward);
  }
  return page(found, position, forward);
}

const page = (lines: LogLine[], position: Position | null, forward: boolean) => ({
  lines: forward ? lines : lines.reverse(),
  nextCursor: position && `${position.chunk}.${position.line}`,
});

function parsePosition(cursor: string | null | undefined): Position | null {
  if (!cursor) return null;
  const [chunk = "0", line = "0"] = cursor.split(".");
  return { chunk: BigInt(chunk), line: Number(line) };
}

/** Chunks that complete lines, from a position on. Unfinished lines come with the chunk that completes them. */
async function readChunks(
  db: Db,
  attemptId: string,
  rank: number | undefined,
  from: Position | null,
  forward: boolean,
): Promise<Chunk[]> {
  const edge = from?.chunk.toString() ?? null;
  const { rows } = await db.execute<Chunk>(sql`
    with chunk as (
      select id, rank, "offset", lines,
             1 + sum(lines) over w - lines as first_line,
             sum(case when lines > 0 then 1 else 0 end) over w - (case when lines > 0 then 1 else 0 end) as line_group
      from log_chunk where attempt_id = ${attemptId} ${rank === undefined ? sql`` : sql`and rank = ${rank}`}
      window w as (partition by rank order by "offset")
    ), page as (
      select * from chunk where lines > 0
        ${edge === null ? sql`` : forward ? sql`and id >= ${edge}::bigint` : sql`and id <= ${edge}::bigint`}
      order by id ${forward ? sql`asc` : sql`desc`} limit ${BATCH}
    )
    select p.id::text, p.rank::int, p.first_line::int, b.body,
           (select array_agg(f.body order by f."offset") from chunk c
             join log_chunk f on f.attempt_id = ${attemptId} and f.rank = c.rank and f."offset" = c."offset"
             where c.rank = p.rank and c.lines = 0 and c.line_group = p.line_group) as before
    from page p join log_chunk b on b.attempt_id = ${attemptId} and b.rank = p.rank and b."offset" = p."offset"
    order by p.id ${forward ? sql`asc` : sql`desc`}`);
  return rows;
}

function* linesOf(chunk: Chunk, from: Position | null, forward: boolean): Generator<LogLine> {
  const text = [...(chunk.before ?? []), chunk.body].map((b) => inflateSync(b).toString("utf8")).join("");
  const lines = text.split("\n").slice(0, -1);
  const here = from?.chunk === BigInt(chunk.id) ? from.line : null;
  const indices = forward
    ? range(here === null ? 0 : here + 1, lines.length)
    : range(0, here === null ? lines.length : Math.min(here, lines.length)).reverse();
  for (const index of indices) {
    const line = lines[index] ?? "";
    yield {
      cursor: `${chunk.id}.${index}`,
      rank: chunk.rank,
      number: chunk.first_line + index,
      level: levelOf(line),
      text: line.replace(/\r$/, ""),
    };
  }
}

const range = (from: number, to: number): number[] =>
  Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i);

/** The level that a line names near its beginning; null where it names none. */
export function levelOf(line: string): Level | null {
  const word = /\b(DEBUG|INFO|WARN(?:ING)?|ERROR|CRITICAL|FATAL)\b/.exec(line.slice(0, 80))?.[1];
  if (!word) return /^Traceback \(most recent call last\)/.test(line) ? "error" : null;
  if (word === "DEBUG") return "debug";
  if (word === "INFO") return "info";
  return word.startsWith("WARN") ? "warning" : "error";
}

function matcher(query: z.infer<typeof LogsQuery>): (line: LogLine) => boolean {
  const needle = query.search?.toLowerCase() ?? "";
  const least = query.level ? LEVELS.indexOf(query.level) : -1;
  return (line) =>
    (least < 0 || (line.level !== null && LEVELS.indexOf(line.level) >= least)) &&
    (needle === "" || line.text.toLowerCase().includes(needle));
}
