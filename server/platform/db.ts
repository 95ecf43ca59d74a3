import { type SQL, type SQLWrapper, sql } from "drizzle-orm";
import type { Pool } from "pg";
import { connect, type Database, type Db, type Patience } from "../../db/client";
import { TIME_SQL } from "./clock";
import { config } from "./config";
import { singleton } from "./singleton";

export type { Database, Db, Transaction } from "../../db/client";

/**
 * A read that hangs must not hold up everybody who waits for the same one: it ends, and says so. Far above what any
 * statement of a page or a door takes; the controller also drops and sums up what became old. Waiting for a lock counts,
 * so that `lock_timeout` would say the same earlier. Migrations and listeners have connections of their own, without.
 */
const PATIENCE = {
  web: { statement: 30_000, idleInTransaction: 60_000 },
  controller: { statement: 300_000, idleInTransaction: 120_000 },
} as const satisfies Record<string, Patience>;

/** Connects this process, once: what it is decides how long its statements may take. */
export const connection = (process: keyof typeof PATIENCE = "web") =>
  singleton("db", () => connect(config().databaseUrl, 12, PATIENCE[process]));
export const database = (): Database => connection().db;
export const pool = (): Pool => connection().pool;

/** What time it is for the database, Unix milliseconds: processes on other hosts measure by it. */
export async function databaseTime(db: Db): Promise<number> {
  const { rows } = await db.execute<{ ms: number }>(sql.raw(TIME_SQL));
  const [row] = rows;
  if (!row) throw new Error("the database told no time");
  return row.ms;
}

/** `%` and `_` stand for themselves in what a person types. */
const literally = (text: string): string => text.replace(/[\\%_]/g, "\\$&");
/** A pattern for `like` and `ilike` that finds a text anywhere, whatever characters it holds. */
export const containing = (text: string): string => `%${literally(text)}%`;
/** One that finds it at the start. */
export const startingWith = (text: string): string => `${literally(text)}%`;

/** Every number in a name as 20 digits. */
const padded = (name: SQLWrapper): SQL =>
  sql`regexp_replace(regexp_replace(${name}, '([0-9]+)', ${"0".repeat(20)} || '\\1', 'g'), '0*([0-9]{20})', '\\1', 'g')`;
/** What names are ordered by: `byName` in SQL. Names are slugs; it takes microseconds for each. */
export const naturally = (name: SQLWrapper): SQL => sql`${padded(name)} collate "C"`;
