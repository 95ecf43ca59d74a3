/** What hangs in the database ends with a clear error, and holds nobody up after that. */
import { sql } from "drizzle-orm";
import { afterEach, expect, it } from "vitest";
import { connect } from "../../db/client";
import { migrate } from "../../db/migrate";
import { overview } from "../cluster/service";
import { makeTeam } from "../runs/testing";
import { connection as connectionOf } from "./db";
import { asAppError } from "./errors";
import { testConsole } from "./testing/console";

const usual = testConsole();
const PATIENCE = { statement: 300, idleInTransaction: 300 };
const open: { end(): Promise<void> }[] = [];
afterEach(async () => {
  for (const pool of open.splice(0)) await pool.end();
});
const impatient = () => {
  const { db, pool } = connect(process.env.DATABASE_URL ?? "", 4, PATIENCE);
  open.push(pool);
  return { db, pool };
};
const refusalOf = (work: Promise<unknown>) => work.then(() => null, asAppError);
const SLOW = { code: "database_slow", status: 503, message: expect.stringContaining("took too long") };

it("a read that hangs is ended and says so, and its connection serves the next", async () => {
  const { db } = impatient();
  expect(await refusalOf(db.execute(sql`select pg_sleep(60)`))).toMatchObject(SLOW);
  expect((await db.execute(sql`select 1 as one`)).rows).toEqual([{ one: 1 }]);
});

it("a team's cluster page is told that it hangs, and is there once what held it up is gone", async () => {
  const team = await makeTeam(usual.db);
  const { db } = impatient();
  const asked = await usual.db.transaction(async (tx) => {
    await tx.execute(sql`lock table node in access exclusive mode`);
    return refusalOf(overview({ ...team, db }));
  });
  expect(asked).toMatchObject(SLOW);
  expect(await overview({ ...team, db })).toMatchObject({ nodes: [] });
});

it("a transaction in which nothing happens gives back what it holds", async () => {
  const { pool } = impatient();
  const idle = await pool.connect();
  const ended = new Promise((resolve) => idle.once("error", resolve));
  await idle.query("begin");
  await idle.query("lock table node in access exclusive mode");
  await usual.db.execute(sql`select count(*) from node`);
  expect(await ended).toMatchObject({ code: "25P03" });
  idle.release(true);
});

it("a process has the limits of its kind, and migrations have none", async () => {
  const limitOf = async (db: typeof usual.db) => (await db.execute(sql`show statement_timeout`)).rows;
  const { db, pool } = connectionOf();
  open.push(pool);
  expect(await limitOf(db)).toEqual([{ statement_timeout: "30s" }]);
  expect(await limitOf(usual.db)).toEqual([{ statement_timeout: "0" }]);
  await migrate(process.env.DATABASE_URL ?? "");
});
