/** What a file of slice tests stands on: a database, a home folder and the environment that names both. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, inject } from "vitest";
import { connect } from "../../../db/client";
import type { Database } from "../db";
import { createTestDatabase } from "./postgres";

interface TestConsole {
  readonly db: Database;
  readonly home: string;
}

/**
 * Makes them before the file's tests, and takes them away after its other `afterAll`s.
 *
 * @param environment more variables
 */
export function testConsole(environment: Record<string, string> = {}): TestConsole {
  let made: TestConsole | undefined;
  let close = async () => {};
  beforeAll(async () => {
    const database = await createTestDatabase(inject("postgresUrl"));
    const home = await mkdtemp(join(tmpdir(), "lathe-slice-"));
    await mkdir(join(home, "secrets"));
    await writeFile(join(home, "secrets", "server.key"), "k".repeat(64));
    Object.assign(process.env, { DATABASE_URL: database.url, LATHE_HOME: home, ...environment });
    const connection = connect(database.url);
    made = { db: connection.db, home };
    close = async () => {
      await connection.pool.end();
      await database.drop();
      await rm(home, { recursive: true });
    };
  });
  afterAll(() => close());
  const there = () => {
    if (!made) throw new Error("it is there from the first beforeAll on");
    return made;
  };
  return {
    get db() {
      return there().db;
    },
    get home() {
      return there().home;
    },
  };
}
