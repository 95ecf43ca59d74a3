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

/** How long a server lets a connection be, ms: work on one statement, and hold a transaction in which nothing happens. */
export interface Patience {
  statement: number;
  idleInTransaction: number;
}

/**
 * @param url a connection string that node-postgres understands
 * @param patience without it nothing that takes long is ended
 */
export function connect(url: string, max = 12, patience?: Patience): { pool: Pool; db: Database } {
  const pool = new Pool({
    connectionString: url,
    max,
    ...(patience && {
      statement_timeout: patience.statement,
      idle_in_transaction_session_timeout: patience.idleInTransaction,
    }),
    idleTimeoutMillis: 30_000,
    // What a door acknowledged must survive a crash, also on a server whose own default is lax.
    options: "-c synchronous_commit=on",
  });
  // A connection that breaks while idle (the database restarting) is replaced by the pool; without a listener it
  // would end the process.
  pool.on("error", () => {});
  // The same for one that breaks between two statements of a transaction: its next statement tells.
  pool.on("connect", (client) => client.on("error", () => {}));
  return { pool, db: drizzle(pool, { schema }) };
}
