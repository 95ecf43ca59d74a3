import { sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, inject, it, vi } from "vitest";
import { cluster } from "../../db/schema/cluster";
import { database, pool } from "../platform/db";
import { createTestDatabase, type TestDatabase } from "../platform/testing/postgres";
import { health } from "./health";

let test: TestDatabase;
beforeAll(async () => {
  test = await createTestDatabase(inject("postgresUrl"));
  process.env.DATABASE_URL = test.url;
  await database()
    .insert(cluster)
    .values({ id: "clu_health", name: "local", observed: {}, lastSeenAt: sql`now() - interval '5 seconds'` });
});
afterAll(async () => {
  await pool().end();
  await test.drop();
});

it.each([
  ["an agent that was heard while this process lives", 60, "ready"],
  ["an agent that ended with the process before", 2, "starting"],
])("takes the cluster for what it is: %s", async (_, uptime, state) => {
  vi.spyOn(process, "uptime").mockReturnValue(uptime);
  expect((await health()).cluster).toBe(state);
});
