import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Pool } from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, expect, inject, test, vi } from "vitest";
import { newId } from "../platform/ids";
import { createTestDatabase, type TestDatabase } from "../platform/testing/postgres";
import { mintConsoleToken } from "./console-token";
import { startGateway } from "./gateway";
import type { HoldLimits } from "./holding";
import { infer, startOffline } from "./offline";
import { type FakeReplica, startReplica, testReplicaToken } from "./testing";

const SERVER_KEY = "k".repeat(40);
const DIGEST = "a".repeat(64);
const BODY = JSON.stringify({ inputs: [{ name: "x", datatype: "FP32", shape: [1], data: [1] }] });
const version = { id: newId("ver"), number: 1, digest: DIGEST };
let teamId: string;
let database: TestDatabase;
let pool: Pool;
let folder: string;
const open: { close(): Promise<void> }[] = [];

beforeAll(async () => {
  database = await createTestDatabase(inject("postgresUrl"));
  pool = new Pool({ connectionString: database.url });
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "lathe-holding-"));
  teamId = newId("team");
  await publish([]);
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((part) => part.close()));
  await rm(folder, { recursive: true, force: true });
});

async function publish(replicas: readonly FakeReplica[]): Promise<void> {
  const arm = {
    version,
    releaseId: newId("rel"),
    weight: 100,
    replicas: replicas.map(({ id, address }) => ({ id, address })),
  };
  const route = { teamId, modelId: newId("mdl"), model: "garment", environment: "production", arms: [arm] };
  await pool.query("insert into route_table (routes, cause) values ($1, 'test')", [
    JSON.stringify({ routes: [route] }),
  ]);
  await pool.query("notify lathe_routes");
}

async function asleep(hold?: HoldLimits) {
  const gateway = await startGateway({
    databaseUrl: database.url,
    folder,
    host: "127.0.0.1",
    port: 0,
    gatewayId: newId("gw"),
    serverKey: SERVER_KEY,
    replicaToken: testReplicaToken,
    maxBodyBytes: 4 << 20,
    answerMs: 30_000,
    ...(hold && { hold }),
  });
  open.push(gateway);
  const authorization = `Bearer ${mintConsoleToken(teamId, SERVER_KEY, Date.now())}`;
  const model = `${gateway.url}/v2/models/garment`;
  return {
    ask: (body = BODY, signal?: AbortSignal) =>
      fetch(`${model}/infer`, {
        method: "POST",
        body,
        headers: { authorization },
        ...(signal && { signal }),
      }),
    about: (path: string) => fetch(`${model}${path}`, { headers: { authorization } }),
    async holds(count: number): Promise<void> {
      await vi.waitFor(async () => {
        const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
        expect(metrics).toMatch(new RegExp(`lathe_gateway_held{.*} ${count}\n`));
      });
    },
    metrics: async () => (await fetch(`${gateway.url}/metrics`)).text(),
  };
}
const wakes = async () =>
  (
    await pool.query<{ version: string; ms: number | null }>(
      `select version_id as version, cold_start_ms as ms from wake where team_id = $1`,
      [teamId],
    )
  ).rows;

test("requests for a version that sleeps wake it once and are answered, small and large; the cold start is kept", async () => {
  const { ask, holds, metrics } = await asleep();
  const large = JSON.stringify({ inputs: [], filler: "x".repeat(2 << 20) });
  const answers = [ask(), ask(large), ask()];
  await holds(3);
  await vi.waitFor(async () => expect(await wakes()).toEqual([{ version: version.id, ms: null }]));
  const told = await pool.query("select 1 from event where team_id = $1 and topic = 'releases'", [teamId]);
  expect(told.rowCount).toBe(1);

  const replica = await startReplica(DIGEST);
  open.push(replica);
  await publish([replica]);
  for (const answer of await Promise.all(answers)) {
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ digest: DIGEST });
  }
  await vi.waitFor(async () => expect((await wakes())[0]?.ms).toBeGreaterThan(0));
  await holds(0);
  expect(await metrics()).toMatch(/lathe_gateway_wakes_total{.*} 1\n/);
});

test("a client that leaves is no longer held; one that waits too long is told, with when to come again", async () => {
  const { ask, holds } = await asleep({ most: 100, ms: 400 });
  const leaving = new AbortController();
  const left = ask(BODY, leaving.signal).catch((error: Error) => error.name);
  await holds(1);
  leaving.abort();
  expect(await left).toBe("AbortError");
  await holds(0);
  const late = await ask();
  expect([late.status, late.headers.get("retry-after"), await late.json()]).toEqual([
    503,
    "5",
    { error: "garment v1 was asleep and is not awake after 0.4 s." },
  ]);
});

test("whether it is ready is answered without waking it: an inference is answered", async () => {
  const { about } = await asleep();
  const ready = await about("/ready");
  expect([ready.status, await ready.json()]).toEqual([200, { name: "garment", ready: true }]);
  expect(await wakes()).toEqual([]);
});

test("with the database away what sleeps can't be woken, and says so at once", async () => {
  const gateway = await startOffline({ digest: DIGEST, replicas: [] });
  open.push(gateway);
  const answer = await infer(gateway.url);
  expect([answer.status, answer.headers.get("retry-after")]).toEqual([503, "5"]);
  expect(await answer.json()).toEqual({
    error: expect.stringMatching(
      /^garment v1 is asleep and can't be woken, for the database is away: .*REFUSED/,
    ),
  });
});
