/**
 * A Postgres of its own for slice tests: Vitest's global setup starts it on a temporary folder and migrates
 * one template database; each test file clones that in about 50 ms and drops its clone at the end.
 */
import { randomBytes } from "node:crypto";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "pg";
import type { TestProject } from "vitest/node";
import { migrate } from "../../../db/migrate";
import { startPostgres } from "../supervise/postgres";
import { preparePostgresHome } from "../supervise/postgres-home";

const TEMPLATE = "lathe_template";

declare module "vitest" {
  interface ProvidedContext {
    /** Address of the test server's administrative database. */
    postgresUrl: string;
  }
}

/** Vitest's global setup: everything that it starts and makes is gone when its answer has run. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const home = await mkdtemp(join(tmpdir(), "lathe-test-"));
  await chmod(home, 0o711); // As root, Postgres runs as somebody else, who must get through.
  const options = await preparePostgresHome(home, join(home, "postgres.log"));
  const postgres = await startPostgres({ ...options, settings: { fsync: "off", max_connections: "200" } });
  const adminUrl = postgres.url("postgres");
  await execute(adminUrl, `create database ${TEMPLATE}`);
  await migrate(postgres.url(TEMPLATE));
  project.provide("postgresUrl", adminUrl);
  return async () => {
    await postgres.stop();
    await rm(home, { recursive: true, force: true });
    await rm(options.sockets, { recursive: true, force: true });
  };
}

/** A database for one test file, migrated and empty. */
export interface TestDatabase {
  readonly url: string;
  /** Ends what is still connected and drops the database. Call it in `afterAll`. */
  drop(): Promise<void>;
}

/**
 * Clones the migrated template.
 *
 * @param adminUrl what `inject("postgresUrl")` answers in a test
 */
export async function createTestDatabase(adminUrl: string): Promise<TestDatabase> {
  const name = `test_${randomBytes(6).toString("hex")}`;
  await execute(adminUrl, `create database ${name} template ${TEMPLATE}`);
  const url = new URL(adminUrl);
  url.pathname = `/${name}`;
  return { url: url.href, drop: () => execute(adminUrl, `drop database ${name} with (force)`) };
}

async function execute(url: string, statement: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
