import { sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { connect } from "../../db/client";
import { fence, giveBackLease, takeLease } from "./lease";
import { createTestDatabase, type TestDatabase } from "./testing/postgres";

let database: TestDatabase;
let connection: ReturnType<typeof connect>;
beforeAll(async () => {
  database = await createTestDatabase(inject("postgresUrl"));
  connection = connect(database.url);
});
afterAll(async () => {
  await connection.pool.end();
  await database.drop();
});

const mustTake = async (name: string, holder: string) => {
  const lease = await takeLease(connection.db, name, holder);
  if (!lease) throw new Error(`${holder} did not get the lease`);
  return lease;
};
const expire = (name: string) =>
  connection.db.execute(sql`update lease set expires_at = now() - interval '1 second' where name = ${name}`);

test("one holder at a time; renewing keeps the epoch", async () => {
  const first = await mustTake("a", "one");
  expect(await takeLease(connection.db, "a", "two")).toBeNull();
  expect((await mustTake("a", "one")).epoch).toBe(first.epoch);
  await giveBackLease(connection.db, first);
  expect((await mustTake("a", "two")).epoch).toBe(first.epoch + 1);
});

test("a leader that was outlived can't write, though it does not know", async () => {
  const { db } = connection;
  const old = await mustTake("b", "one");
  await db.transaction((tx) => fence(tx, old));
  await expire("b");
  await mustTake("b", "two");
  await expect(db.transaction((tx) => fence(tx, old))).rejects.toThrow("not the leader any more");
});

test("nobody becomes leader inside a fenced transaction", async () => {
  const { db } = connection;
  const lease = await mustTake("c", "one");
  let taken: ReturnType<typeof takeLease> | undefined;
  await db.transaction(async (tx) => {
    await fence(tx, lease);
    // The attempt waits for our lock, and then finds a lease that is still held.
    taken = takeLease(db, "c", "two");
    await tx.execute(sql`select 1`);
  });
  expect(await taken).toBeNull();
});
