import { resolve } from "node:path";
import { drizzle } from "drizzle-orm/node-postgres";
import { migrate as applyMigrations } from "drizzle-orm/node-postgres/migrator";
import { Client } from "pg";

/** Any constant does; it only has to be the same in every process that migrates. */
const MIGRATION_LOCK = 7400_0001;

/**
 * Brings a database to the newest schema. Safe to call from several processes at once: they take turns.
 *
 * @param databaseUrl a connection string that node-postgres understands
 * @param folder where the versioned migrations lie; by default those of the checkout we run in
 * @throws when the database cannot be reached or a migration fails; each migration is one transaction
 */
export async function migrate(databaseUrl: string, folder = resolve("db/migrations")): Promise<void> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    await client.query("select pg_advisory_lock($1)", [MIGRATION_LOCK]);
    await applyMigrations(drizzle(client), { migrationsFolder: folder });
  } finally {
    await client.end();
  }
}
