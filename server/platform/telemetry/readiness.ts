/** Ready is more than alive: each check names what is missing, so that a 503 says where to look. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { sql } from "drizzle-orm";
import { z } from "zod";
import { database } from "../db";
import { relay } from "../live/relay";
import { singleton } from "../singleton";

const LIMIT_MS = 2_000;

export interface Check {
  name: string;
  /** Null when it is ready, else why not. To reject, or to answer too late, is not to be ready. */
  look(): Promise<string | null>;
}
export interface Readiness {
  ready: boolean;
  notReady: { name: string; why: string }[];
}

/** Asks all at once. Anybody may read the answer, so what a database says of its failure is left to the log. */
export async function readiness(checks: readonly Check[], limitMs = LIMIT_MS): Promise<Readiness> {
  const whys = await Promise.all(
    checks.map(async ({ name, look }) => {
      const why = await within(limitMs, look()).catch(() => "it does not answer");
      return why === null ? [] : [{ name, why }];
    }),
  );
  const notReady = whys.flat();
  return { ready: notReady.length === 0, notReady };
}

/** The promise's answer. @throws Error when it has none in time */
export async function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer in ${ms / 1000} s`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

export const databaseAnswers: Check = {
  name: "database",
  look: async () => {
    await database().execute(sql`select 1`);
    return null;
  },
};

const Journal = z.object({ entries: z.array(z.object({ tag: z.string(), when: z.number() })).min(1) });
const newestMigration = () =>
  singleton("newest migration", () => {
    const text = readFileSync(resolve("db/migrations/meta/_journal.json"), "utf8");
    return Journal.parse(JSON.parse(text)).entries.reduce((a, b) => (b.when > a.when ? b : a));
  });

/** The schema is the one that this code was written for, or newer. */
export const migrationsApplied: Check = {
  name: "migrations",
  look: async () => {
    const { tag, when } = newestMigration();
    const { rows } = await database().execute<{ newest: string | null }>(
      sql`select max(created_at)::text as newest from drizzle.__drizzle_migrations`,
    );
    return Number(rows[0]?.newest ?? 0) >= when ? null : `${tag} is not applied`;
  },
};

const RELAY_MS = 10_000;

/** While a tab listens the relay reads every second. */
export const relayReads: Check = {
  name: "relay",
  look: async () => {
    const { subscribers, silentMs } = relay().state();
    return subscribers === 0 || silentMs < RELAY_MS
      ? null
      : `it has not read the outbox for ${Math.round(silentMs / 1000)} s`;
  },
};
