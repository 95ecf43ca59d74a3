import { mkdtemp, rm } from "node:fs/promises";
import { request as send } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Pool } from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, expect, inject, test, vi } from "vitest";
import { startLoad } from "../../e2e/fixtures/load";
import { newId } from "../platform/ids";
import { createTestDatabase, type TestDatabase } from "../platform/testing/postgres";
import { hashToken } from "../platform/tokens";
import { mintConsoleToken } from "./console-token";
import { type Gateway, type GatewayOptions, startGateway } from "./gateway";
import { type FakeReplica, startReplica, testReplicaToken } from "./testing";

const SERVER_KEY = "k".repeat(40);
const TOKEN = "lathe_secret";
const OLD = "a".repeat(64);
const NEW = "b".repeat(64);
const INFER = JSON.stringify({ inputs: [{ name: "x", datatype: "FP32", shape: [1], data: [1] }] });

let database: TestDatabase;
let pool: Pool;
let folder: string;
const teamId = newId("team");
const modelId = newId("mdl");
const ids = { [OLD]: newId("ver"), [NEW]: newId("ver") };
const open: { close(): Promise<void> }[] = [];

beforeAll(async () => {
  database = await createTestDatabase(inject("postgresUrl"));
  pool = new Pool({ connectionString: database.url });
  await pool.query("insert into team (id, slug, name) values ($1, 'vision', 'Vision')", [teamId]);
  await pool.query(`insert into "user" (id, name, email) values ('usr_1', 'Ines', 'ines@example.com')`);
  await pool.query(
    `insert into api_token (id, team_id, name, token_hash, hint, scopes, created_by)
     values ('tok_1', $1, 'ci', $2, 'cret', array['inference'], 'usr_1')`,
    [teamId, hashToken(TOKEN)],
  );
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "lathe-gateway-"));
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((part) => part.close()));
  await rm(folder, { recursive: true, force: true });
});

async function publish(digest: string, replicas: readonly FakeReplica[]): Promise<number> {
  const version = { id: ids[digest], number: digest === OLD ? 1 : 2, digest };
  const route = {
    teamId,
    modelId,
    model: "garment",
    environment: "production",
    version,
    releaseId: newId("rel"),
    replicas: replicas.map(({ id, address }) => ({ id, address })),
  };
  const { rows } = await pool.query<{ revision: string }>(
    "insert into route_table (routes, cause) values ($1, 'test') returning revision",
    [JSON.stringify({ routes: [route] })],
  );
  await pool.query("notify lathe_routes");
  return Number(rows[0]?.revision);
}

async function gateway(options: Partial<GatewayOptions> = {}): Promise<Gateway> {
  const started = await startGateway({
    databaseUrl: database.url,
    folder,
    host: "127.0.0.1",
    port: 0,
    gatewayId: newId("gw"),
    serverKey: SERVER_KEY,
    replicaToken: testReplicaToken,
    maxBodyBytes: 4 << 20,
    answerMs: 30_000,
    ...options,
  });
  open.push(started);
  return started;
}
async function replica(digest: string): Promise<FakeReplica> {
  const started = await startReplica(digest);
  open.push(started);
  return started;
}
const infer = (url: string, body = INFER, token = TOKEN) =>
  fetch(`${url}/v2/models/garment/infer`, {
    method: "POST",
    body,
    headers: { authorization: `Bearer ${token}` },
  });

test("a request reaches the version in force, and the answer names it", async () => {
  const serving = await replica(OLD);
  await publish(OLD, [serving]);
  const { url } = await gateway();
  const answer = await infer(url);
  expect(answer.status).toBe(200);
  expect(await answer.json()).toMatchObject({ digest: OLD, bytes: INFER.length });
  expect(answer.headers.get("x-lathe-version")).toBe("1");
  expect(answer.headers.get("x-lathe-digest")).toBe(OLD);
  expect(answer.headers.get("x-lathe-release")).toMatch(/^rel_/);
  expect(answer.headers.get("x-request-id")).toMatch(/^req_/);
  const ready = await fetch(`${url}/v2/models/garment/versions/1/ready`, {
    headers: { authorization: `Bearer ${TOKEN}` },
  });
  expect(await ready.json()).toMatchObject({ ready: true, path: "/ready" });
  expect(await (await fetch(`${url}/v2/health/ready`)).json()).toEqual({ ready: true });
});

test("refusals have the protocol's shape and say what is wrong", async () => {
  const serving = await replica(OLD);
  await publish(OLD, [serving]);
  const { url } = await gateway();
  const told = async (answer: Response) => ({ status: answer.status, body: await answer.json() });
  const withToken = { headers: { authorization: `Bearer ${TOKEN}` } };
  const error = expect.any(String);
  expect(await told(await infer(url, INFER, "wrong"))).toEqual({ status: 401, body: { error } });
  expect(await told(await fetch(`${url}/v2/models/garment`))).toEqual({ status: 401, body: { error } });
  expect(await told(await fetch(`${url}/v2/models/other`, withToken))).toEqual({
    status: 404,
    body: { error: "No model other serves in production." },
  });
  expect(await told(await fetch(`${url}/v2/models/garment/versions/7`, withToken))).toMatchObject({
    status: 404,
  });
  expect(await told(await fetch(`${url}/v2/nothing`, withToken))).toMatchObject({
    status: 404,
    body: { error },
  });
  expect(await told(await fetch(`${url}/v2/models/%E0%A4%A`, withToken))).toMatchObject({
    status: 400,
    body: { error },
  });
  expect(await told(await infer(url, "{"))).toEqual({
    status: 400,
    body: { error: "The body is not JSON." },
  });
  expect(await told(await infer(url, "x".repeat((4 << 20) + 1)))).toMatchObject({
    status: 413,
    body: { error },
  });
  expect(serving.asked).toBe(1);
});

test("a body larger than what is held streams through whole", async () => {
  const serving = await replica(OLD);
  await publish(OLD, [serving]);
  const { url } = await gateway();
  const body = JSON.stringify({ inputs: ["x".repeat(3 << 20)] });
  expect(await (await infer(url, body)).json()).toMatchObject({ bytes: body.length });
});

test("a switch under load fails no request, and nothing old is answered to what is asked after it", async () => {
  const [before, after] = [await replica(OLD), await replica(NEW)];
  await publish(OLD, [before]);
  const gatewayId = newId("gw");
  const { url } = await gateway({ gatewayId });
  const load = startLoad({
    url: `${url}/v2/models/garment/infer`,
    token: TOKEN,
    body: INFER,
    perSecond: 200,
    maxRequests: 4000,
    maxSeconds: 20,
  });
  await load.until(() => load.samples.length >= 100);
  const revision = await publish(NEW, [after]);
  const first = await load.until((sample) => sample.digest === NEW);
  await load.until((sample) => sample.sentAt > first.answeredAt + 200);
  const samples = await load.stop();
  expect(samples.filter((sample) => sample.status !== 200)).toEqual([]);
  expect(samples.filter((sample) => sample.digest === OLD && sample.sentAt > first.answeredAt)).toEqual([]);
  const applied = await vi.waitFor(async () => {
    const { rows } = await pool.query<{ at: string }>(
      "select applied_at_ms as at from gateway_report where gateway_id = $1 and revision = $2",
      [gatewayId, revision],
    );
    expect(rows).toHaveLength(1);
    return Number(rows[0]?.at);
  });
  expect(applied).toBeLessThanOrEqual(first.answeredAt);
});

test("with the database away, a fresh gateway serves the last table to known tokens", async () => {
  const serving = await replica(OLD);
  const revision = await publish(OLD, [serving]);
  const first = await gateway();
  expect((await infer(first.url)).status).toBe(200);
  await first.close();
  open.splice(open.indexOf(first), 1);
  const again = await gateway({ databaseUrl: "postgres://nobody@127.0.0.1:1/none" });
  expect((await infer(again.url)).status).toBe(200);
  expect((await infer(again.url, INFER, "stranger")).status).toBe(401);
  expect(await (await fetch(`${again.url}/metrics`)).text()).toContain(
    `lathe_gateway_route_revision ${revision}`,
  );
});

test("on a host whose clock is hours off, tokens end and requests count by the database's", async () => {
  const serving = await replica(OLD);
  await publish(OLD, [serving]);
  await pool.query(
    `insert into api_token (id, team_id, name, token_hash, hint, scopes, created_by, expires_at) values
       ('tok_soon', $1, 'soon', $2, 'soon', array['inference'], 'usr_1', now() + interval '1 hour')
     on conflict do nothing`,
    [teamId, hashToken("lathe_soon")],
  );
  for (const hours of [-5, 5]) {
    const gatewayId = newId("gw");
    const started = await gateway({ gatewayId, hostClock: () => Date.now() + hours * 3_600_000 });
    expect((await infer(started.url, INFER, "lathe_soon")).status).toBe(200);
    const console = mintConsoleToken(teamId, SERVER_KEY, Date.now());
    expect((await infer(started.url, INFER, console)).status).toBe(200);
    const revision = await publish(OLD, [serving]);
    const appliedAt = () =>
      pool.query(
        `select abs(applied_at_ms - extract(epoch from now()) * 1000) < 60000 as "isNow" from gateway_report
         where gateway_id = $1 and revision = $2`,
        [gatewayId, revision],
      );
    await vi.waitFor(async () => expect((await appliedAt()).rows).toEqual([{ isNow: true }]));
    await started.close();
    open.splice(open.indexOf(started), 1);
    const { rows } = await pool.query(
      `select sum(requests)::int as requests, bool_and(at between now() - interval '1 minute' and now()) as "isNow"
       from serving_window where gateway_id = $1`,
      [gatewayId],
    );
    expect(rows).toEqual([{ requests: 2, isNow: true }]);
  }
});

test("a revoked token and a table of another team are refused; the console's own token is taken", async () => {
  const serving = await replica(OLD);
  await publish(OLD, [serving]);
  const { url } = await gateway();
  await pool.query(
    `insert into api_token (id, team_id, name, token_hash, hint, scopes, created_by)
     values ('tok_2', $1, 'late', $2, 'late', array['inference'], 'usr_1')`,
    [teamId, hashToken("lathe_late")],
  );
  await vi.waitFor(async () => expect((await infer(url, INFER, "lathe_late")).status).toBe(200), {
    timeout: 5000,
  });
  await pool.query("update api_token set revoked_at = now() where id = 'tok_2'");
  await vi.waitFor(async () => expect((await infer(url, INFER, "lathe_late")).status).toBe(401), {
    timeout: 15_000,
  });
  expect((await infer(url, INFER, mintConsoleToken(teamId, SERVER_KEY, Date.now()))).status).toBe(200);
  expect((await infer(url, INFER, mintConsoleToken(newId("team"), SERVER_KEY, Date.now()))).status).toBe(404);
  expect((await infer(url, INFER, mintConsoleToken(teamId, SERVER_KEY, Date.now() - 61_000))).status).toBe(
    401,
  );
});

test("a dead replica and a stranger at its address are passed over; with none left the answer is 503", async () => {
  const [dead, alive] = [await replica(OLD), await replica(OLD)];
  await dead.close();
  await publish(OLD, [dead, alive]);
  const { url } = await gateway();
  for (let i = 0; i < 5; i += 1) expect((await infer(url)).status).toBe(200);
  // Another process took the port of a replica that is gone: it does not take our token.
  const before = alive.asked;
  await publish(OLD, [{ ...alive, id: newId("rpl") }]);
  const refused = await vi.waitFor(async () => {
    const answer = await infer(url);
    expect(answer.status).toBe(503);
    return answer;
  });
  expect(refused.headers.get("retry-after")).toBe("1");
  expect(await refused.json()).toEqual({ error: expect.stringContaining("garment v1") });
  expect(alive.asked).toBeGreaterThan(before);
});

test("requests go to the replica with the fewest under way", async () => {
  const [slow, quick] = [await replica(OLD), await replica(OLD)];
  let release = () => {};
  slow.hold = new Promise((resolve) => {
    release = resolve;
  });
  await publish(OLD, [slow, quick]);
  const { url } = await gateway();
  const held = infer(url);
  await vi.waitFor(() => expect(slow.asked).toBe(1));
  for (let i = 0; i < 10; i += 1) expect((await infer(url)).status).toBe(200);
  expect([slow.asked, quick.asked]).toEqual([1, 10]);
  release();
  expect((await held).status).toBe(200);
});

test("a client that leaves ends its request at the replica", async () => {
  const serving = await replica(OLD);
  serving.hold = new Promise(() => {});
  await publish(OLD, [serving]);
  const { url } = await gateway();
  const out = send(`${url}/v2/models/garment/infer`, {
    method: "POST",
    headers: { authorization: `Bearer ${TOKEN}` },
  });
  out.on("error", () => {});
  out.end(INFER);
  await vi.waitFor(() => expect(serving.asked).toBe(1));
  out.destroy();
  await vi.waitFor(() => expect(serving.aborted).toBe(1));
});

test("closing lets a request in flight finish, and stores the counts", async () => {
  const serving = await replica(OLD);
  let release = () => {};
  serving.hold = new Promise((resolve) => {
    release = resolve;
  });
  await publish(OLD, [serving]);
  const started = await gateway();
  open.splice(open.indexOf(started), 1);
  await pool.query("delete from serving_minute");
  const held = infer(started.url);
  await vi.waitFor(() => expect(serving.asked).toBe(1));
  const closed = started.close();
  release();
  expect((await held).status).toBe(200);
  await closed;
  await expect(infer(started.url)).rejects.toThrow();
  const { rows } = await pool.query("select requests, errors, p50_us > 0 as timed from serving_minute");
  expect(rows).toEqual([{ requests: 1, errors: 0, timed: true }]);
});
