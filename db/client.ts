import { drizzle, type NodePgDatabase } from "drizzle-orm/node-postgres";
import { Pool } from "pg";
import * as audit from "./schema/audit";
import * as cluster from "./schema/cluster";
import * as datasets from "./schema/datasets";
import * as identity from "./schema/identity";
import * as models from "./schema/models";
import * as platform from "./schema/platform";
import * as releases from "./schema/releases";
import * as rollouts from "./schema/rollouts";
import * as runs from "./schema/runs";
import * as studio from "./schema/studio";

export const schema = {
  ...audit,
  ...cluster,
  ...datasets,
  ...identity,
  ...models,
  ...platform,
  ...releases,
  ...rollouts,
  ...runs,
  ...studio,
};

type Schema = typeof schema;
/** The pool or a transaction: repositories run on either. */
export type Database = NodePgDatabase<Schema>;
export type Transaction = Parameters<Parameters<Database["transaction"]>[0]>[0];
export type Db = Database | Transaction;

/** @param url a connection string that node-postgres understands */
export function connect(url: string, max = 12): { pool: Pool; db: Database } {
  const pool = new Pool({
    connectionString: url,
    max,
    idleTimeoutMillis: 30_000,
    // What a door acknowledged must survive a crash, also on a server whose own default is lax.
    options: "-c synchronous_commit=on",
  });
  // A connection that breaks while idle (the database restarting) is replaced by the pool; without a listener it
  // would end the process.
  pool.on("error", () => {});
  return { pool, db: drizzle(pool, { schema }) };
}
