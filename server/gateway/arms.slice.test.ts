import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Pool } from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, expect, inject, test, vi } from "vitest";
import { newId } from "../platform/ids";
import { createTestDatabase, type TestDatabase } from "../platform/testing/postgres";
import { mintConsoleToken } from "./console-token";
import { type Gateway, startGateway } from "./gateway";
import { LIMIT } from "./mirror";
import { type FakeReplica, startReplica, testReplicaToken } from "./testing";

const SERVER_KEY = "k".repeat(40);
const OLD = "a".repeat(64);
const NEW = "b".repeat(64);
const BODY = JSON.stringify({ inputs: [{ name: "x", datatype: "FP32", shape: [1], data: [1] }] });
const teamId = newId("team");
const modelId = newId("mdl");
const versions = {
  [OLD]: { id: newId("ver"), number: 1, digest: OLD },
  [NEW]: { id: newId("ver"), number: 2, digest: NEW },
};

let database: TestDatabase;
let pool: Pool;
let folder: string;
let gateway: Gateway;
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
  folder = await mkdtemp(join(tmpdir(), "lathe-arms-"));
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((part) => part.close()));
  await rm(folder, { recursive: true, force: true });
});

async function replica(digest: string): Promise<FakeReplica> {
  const started = await startReplica(digest);
  open.push(started);
  return started;
}
async function start(databaseUrl = database.url): Promise<void> {
  gateway = await startGateway({
    databaseUrl,
    folder,
    host: "127.0.0.1",
    port: 0,
    gatewayId: newId("gw"),
    serverKey: SERVER_KEY,
    replicaToken: testReplicaToken,
    maxBodyBytes: 4 << 20,
    answerMs: 30_000,
  });
  open.push(gateway);
}
const of = (r: FakeReplica) => ({
  version: versions[r.digest],
  releaseId: newId("rel"),
  replicas: [{ id: r.id, address: r.address }],
});
const routeOf = (
  arms: { arm: FakeReplica; weight: number }[],
  shadow?: { of: FakeReplica; percent: number },
) => ({
  teamId,
  modelId,
  model: "garment",
  environment: "production",
  arms: arms.map(({ arm, weight }) => ({ ...of(arm), weight })),
  shadow: shadow ? { ...of(shadow.of), percent: shadow.percent } : null,
});
const publish = (route: object) =>
  pool.query("insert into route_table (routes, cause) values ($1, 'test')", [
    JSON.stringify({ routes: [route] }),
  ]);
const ask = (path = "garment", body = BODY) =>
  fetch(`${gateway.url}/v2/models/${path}/infer`, {
    method: "POST",
    body,
    headers: { authorization: `Bearer ${mintConsoleToken(teamId, SERVER_KEY, Date.now())}` },
  });
const metrics = async () => (await fetch(`${gateway.url}/metrics`)).text();

test("a weight of 5 answers exactly 5 of 100; each answer names its version, and each is counted by it", async () => {
  const [before, after] = [await replica(OLD), await replica(NEW)];
  await publish(
    routeOf([
      { arm: before, weight: 95 },
      { arm: after, weight: 5 },
    ]),
  );
  await start();
  for (let i = 0; i < 100; i += 1) {
    const answer = await ask();
    expect(await answer.json()).toMatchObject({ digest: answer.headers.get("x-lathe-digest") });
  }
  expect([before.asked, after.asked]).toEqual([95, 5]);
  const named = await ask("garment/versions/2");
  expect(named.headers.get("x-lathe-version")).toBe("2");
  expect((await ask("garment/versions/3")).status).toBe(404);
  expect([before.asked, after.asked]).toEqual([95, 6]);
  await gateway.close();
  open.splice(open.indexOf(gateway), 1);
  for (const table of ["serving_minute", "serving_window"]) {
    const { rows } = await pool.query(
      `select version_id, sum(requests)::int as n from ${table} group by 1 order by 2`,
    );
    expect(rows).toEqual([
      { version_id: versions[NEW]?.id, n: 6 },
      { version_id: versions[OLD]?.id, n: 95 },
    ]);
  }
});

test("a file of before canaries is taken by a gateway that finds no database", async () => {
  const only = await replica(OLD);
  const { arms: _, shadow: __, ...route } = routeOf([{ arm: only, weight: 100 }]);
  await writeFile(
    join(folder, "routes.json"),
    JSON.stringify({ revision: 3, routes: [{ ...route, ...of(only) }] }),
  );
  await start("postgres://nobody@127.0.0.1:1/none");
  expect((await ask()).headers.get("x-lathe-version")).toBe("1");
});

test("a share is mirrored and compared, and its answers reach nobody", async () => {
  const [serving, shadow] = [await replica(OLD), await replica(NEW)];
  await publish(routeOf([{ arm: serving, weight: 100 }], { of: shadow, percent: 50 }));
  await start();
  const askTen = async () => {
    for (let i = 0; i < 10; i += 1) expect((await ask()).headers.get("x-lathe-version")).toBe("1");
  };
  await askTen();
  await vi.waitFor(async () =>
    expect(await metrics()).toMatch(/shadow_requests_total\{.*result="agreed"\} 5\n/),
  );
  shadow.scores = [1, 0];
  await askTen();
  await vi.waitFor(async () =>
    expect(await metrics()).toMatch(/shadow_requests_total\{.*result="differed"\} 5\n/),
  );
  // Streamed: nothing of it is held, so nothing is mirrored.
  expect((await ask("garment", JSON.stringify({ inputs: ["x".repeat(2 << 20)] }))).status).toBe(200);
  expect([serving.asked, shadow.asked]).toEqual([21, 10]);
  await gateway.close();
  open.splice(open.indexOf(gateway), 1);
  const { rows } = await pool.query(
    `select compared, agreed, dropped, p50_us > 0 as timed, reference_p50_us > 0 as both from shadow_minute`,
  );
  expect(rows).toEqual([{ compared: 10, agreed: 5, dropped: 0, timed: true, both: true }]);
});

test("a shadow that hangs delays nobody, and what it can't take is dropped and counted", async () => {
  const [serving, shadow] = [await replica(OLD), await replica(NEW)];
  shadow.hold = new Promise(() => {});
  await publish(routeOf([{ arm: serving, weight: 100 }], { of: shadow, percent: 100 }));
  await start();
  for (let i = 0; i < LIMIT + 3; i += 1) expect((await ask()).status).toBe(200);
  await vi.waitFor(() => expect(shadow.asked).toBe(LIMIT));
  expect(await metrics()).toMatch(/shadow_requests_total\{.*result="dropped"\} 3\n/);
});

test("the time that requests are under way is stored by version, also of a client that left", async () => {
  const serving = await replica(OLD);
  let release = () => {};
  serving.hold = new Promise((resolve) => {
    release = resolve;
  });
  await publish(routeOf([{ arm: serving, weight: 100 }]));
  await start();
  const left = new AbortController();
  const headers = { authorization: `Bearer ${mintConsoleToken(teamId, SERVER_KEY, Date.now())}` };
  const url = `${gateway.url}/v2/models/garment/infer`;
  const asked = [
    ask(),
    fetch(url, { method: "POST", body: BODY, headers, signal: left.signal }).catch(() => {}),
  ];
  await vi.waitFor(() => expect(serving.asked).toBe(2));
  const bothFrom = performance.now();
  await vi.waitFor(() => expect(performance.now() - bothFrom).toBeGreaterThan(100));
  const bothMs = performance.now() - bothFrom;
  left.abort();
  release();
  await Promise.all(asked);
  await gateway.close();
  open.splice(open.indexOf(gateway), 1);
  const { rows } = await pool.query(
    `select sum(in_flight) * 10000 as ms from serving_window where version_id = $1 and at > now() - interval '20 seconds'`,
    [versions[OLD]?.id],
  );
  // Both clocks count whole milliseconds.
  expect(rows[0].ms).toBeGreaterThan(2 * bothMs - 10);
});
