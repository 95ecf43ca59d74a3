import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { connect } from "../../db/client";
import { createTestDatabase, type TestDatabase } from "../platform/testing/postgres";
import { makeTeam, requested, type TestTeam } from "../releases/testing";
import { needs, search } from "./service";

let database: TestDatabase;
let connection: ReturnType<typeof connect>;
let own: TestTeam;
let other: TestTeam;

beforeAll(async () => {
  database = await createTestDatabase(inject("postgresUrl"));
  process.env.DATABASE_URL = database.url;
  connection = connect(database.url);
  own = await makeTeam(connection.db, { versions: 2 });
  other = await makeTeam(connection.db);
});
afterAll(async () => {
  await connection.pool.end();
  await database.drop();
});

const found = async (team: TestTeam, query: string) =>
  (await search(team.ines, { query })).map(({ kind, label }) => `${kind} ${label}`);

test("a search finds by a part of the name, the number or the start of a digest, and only what is the team's", async () => {
  const { modelName, versions } = own;
  const part = modelName.slice(1, 5).toUpperCase();
  expect(await found(own, part)).toEqual(
    expect.arrayContaining([`model ${modelName}`, `version ${modelName} v1`, `version ${modelName} v2`]),
  );
  expect(await found(own, `${modelName} v2`)).toEqual([`version ${modelName} v2`]);
  expect(await found(own, versions[1]?.digest.slice(0, 8) ?? "")).toContain(`version ${modelName} v2`);
  await requested(own, versions[0]?.id ?? "", null);
  expect(await found(own, "run 1")).toContain("run run 1");
  expect(await found(own, "%")).toEqual([]);
  expect(await found(own, "%%%%")).toEqual([]);
  expect(await found(other, versions[1]?.digest.slice(0, 8) ?? "")).toEqual([]);
  expect(await found(other, "run 1")).toEqual([]);
});

test("an approval waits for the approver and not for whoever asked for it", async () => {
  expect((await needs(own.mei)).approvals).toBe(1);
  expect((await needs(own.ines)).approvals).toBe(0);
  expect((await needs(other.mei)).approvals).toBe(0);
});
