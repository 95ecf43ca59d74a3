import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "pg";
import { afterEach, beforeEach, expect, inject, test, vi } from "vitest";
import { createTestDatabase } from "../testing/postgres";
import { startPostgres } from "./postgres";
import { preparePostgresHome } from "./postgres-home";
import { isAlive } from "./processes.mjs";

let home: string;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "lathe-pg-test-"));
  await chmod(home, 0o711);
});

afterEach(() => rm(home, { recursive: true, force: true }));

async function ask(url: string, statement: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  return client
    .query({ text: statement, rowMode: "array" })
    .then(({ rows }) => rows.flat())
    .finally(() => client.end());
}

/** A separate process that owns a Postgres and then only waits, so that it can be killed. */
async function startOwner(): Promise<{ kill: () => void; postgres: number; url: string }> {
  const script = `
    import { preparePostgresHome } from "./server/platform/supervise/postgres-home";
    import { startPostgres } from "./server/platform/supervise/postgres";
    void (async () => {
      const postgres = await startPostgres(await preparePostgresHome("${home}", "${home}/log"));
      console.log(JSON.stringify({ postgres: postgres.pid, url: postgres.url() }));
    })();
    setInterval(() => {}, 1000);`;
  const owner = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = await once(owner.stdout, "data");
  return { kill: () => void owner.kill("SIGKILL"), ...JSON.parse(String(line)) };
}

test("a clone of the template has the schema, and clones do not see each other", async () => {
  const [one, two] = await Promise.all([0, 1].map(() => createTestDatabase(inject("postgresUrl"))));
  if (!one || !two) throw new Error("two databases were asked for");
  await ask(one.url, "create table only_here (id int)");
  const tables = "select count(*)::int from information_schema.tables where table_schema = 'public'";
  const [inOne, inTwo] = [await ask(one.url, tables), await ask(two.url, tables)];
  expect(Number(inTwo[0])).toBeGreaterThan(10);
  expect(Number(inOne[0])).toBe(Number(inTwo[0]) + 1);
  await Promise.all([one.drop(), two.drop()]);
});

test("kill -9 of the owner ends Postgres, and the next owner finds every committed row", async () => {
  const owner = await startOwner();
  await ask(owner.url, "create table kept as select 42 as answer");
  owner.kill();
  await vi.waitFor(() => expect(isAlive(owner.postgres)).toBe(false), { timeout: 5_000, interval: 5 });

  const next = await startPostgres(await preparePostgresHome(home, join(home, "log")));
  expect(await ask(next.url(), "select answer from kept")).toEqual([42]);
  expect(await ask(next.url(), "show data_checksums")).toEqual(["on"]);
  expect(await ask(next.url(), "show fsync")).toEqual(["on"]);
  await next.stop();
  expect(isAlive(next.pid)).toBe(false);
});

test("a pid file that names a stranger is stale, one that names a live owner is respected", async () => {
  const options = await preparePostgresHome(home, join(home, "log"));
  const first = await startPostgres(options);
  const pidFile = join(options.data, "postmaster.pid");
  const content = await readFile(pidFile, "utf8");
  await expect(startPostgres({ ...options, patience: 100 })).rejects.toThrow(`pid ${first.pid}`);
  expect(await ask(first.url(), "select 1")).toEqual([1]);
  await first.stop();

  await writeFile(pidFile, content.replace(String(first.pid), String(process.pid)));
  const second = await startPostgres(options);
  await second.stop();
});
