/** What a migration makes of rows that were there before it. */
import { randomBytes } from "node:crypto";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "pg";
import { afterEach, expect, inject, it } from "vitest";
import { z } from "zod";
import { ordered, type Point, summarise, unpack } from "../server/runs/points/chunk";
import { migrate } from "./migrate";

const cleanups: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** The migrations before one of them, as a folder. */
function migrationsBefore(tag: string): string {
  const folder = mkdtempSync(join(tmpdir(), "lathe-migrations-"));
  cleanups.push(() => rmSync(folder, { recursive: true }));
  cpSync("db/migrations", folder, { recursive: true });
  const path = join(folder, "meta/_journal.json");
  const journal = z
    .looseObject({ entries: z.array(z.looseObject({ tag: z.string() })) })
    .parse(JSON.parse(readFileSync(path, "utf8")));
  const entries = journal.entries.slice(
    0,
    journal.entries.findIndex((entry) => entry.tag === tag),
  );
  writeFileSync(path, JSON.stringify({ ...journal, entries }));
  return folder;
}

/** An empty database and a connection to it. */
async function emptyDatabase(): Promise<{ url: string; client: Client }> {
  const admin = new Client({ connectionString: inject("postgresUrl") });
  await admin.connect();
  cleanups.push(() => admin.end());
  const name = `test_${randomBytes(6).toString("hex")}`;
  await admin.query(`create database ${name}`);
  cleanups.push(async () => void (await admin.query(`drop database ${name} with (force)`)));
  const url = new URL(inject("postgresUrl"));
  url.pathname = `/${name}`;
  const client = new Client({ connectionString: url.href });
  await client.connect();
  cleanups.push(() => client.end());
  return { url: url.href, client };
}

it("points become chunks: each there once, in order, whatever its value, beside a summary that is theirs", async () => {
  const { url, client } = await emptyDatabase();
  await migrate(url, migrationsBefore("0009_chunks"));
  const strange = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1.7e308, 5e-324];
  const line = Array.from(
    { length: 4000 },
    (_, step): Point => ({
      step,
      ts: 1_700_000_000_000 + step,
      value: step % 7 === 0 ? (strange[step % strange.length] ?? 0) : Math.sin(step),
    }),
  );
  const heap = Array.from({ length: 500 }, (_, i): Point => ({ step: 0, ts: i >> 1, value: i }));
  const far = [{ step: Number.MAX_SAFE_INTEGER, ts: Number.MAX_SAFE_INTEGER, value: 1 }];
  for (const [series, points] of [line, heap, far].entries())
    await client.query(
      "insert into point select $1, * from unnest($2::bigint[], $3::bigint[], $4::float8[])",
      [series, points.map(({ step }) => step), points.map(({ ts }) => ts), points.map(({ value }) => value)],
    );
  await client.query(
    "insert into rollup select 1, level, 0, 500, 0, 499, 9, 499, 0, 249 from unnest(array[64, 1024]) level",
  );

  await migrate(url);

  const { rows } = await client.query(
    `select series_id::int as series, part, body, n, min, max, sum, last, last_step::float8 as "lastStep",
            last_ts::float8 as "lastTs" from chunk order by series_id, bucket, part`,
  );
  for (const [series, points] of [line, heap, far].entries()) {
    const own = rows.filter((row) => row.series === series);
    expect(own.flatMap(({ body }) => unpack(body))).toEqual(ordered(points));
    for (const { series: _, part, body, ...summary } of own) expect(summary).toEqual(summarise(unpack(body)));
  }
  expect(rows.filter((row) => row.series === 1).map(({ part, n }) => [part, n])).toEqual([
    ...Array.from({ length: 7 }, (_, part) => [part, 64]),
    [7, 52],
  ]);
  expect((await client.query("select n from rollup")).rows).toEqual([{ n: 500 }]);
});
