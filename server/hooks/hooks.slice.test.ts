/** A real receiver on this machine, which the operator's setting allows, is told of what happens; its answers decide. */
import { createHmac } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eq } from "drizzle-orm";
import { afterAll, beforeAll, beforeEach, expect, inject, test } from "vitest";
import { connect } from "../../db/client";
import { webhook, webhookDelivery } from "../../db/schema/hooks";
import type { TeamContext } from "../platform/context";
import { createTestDatabase, type TestDatabase } from "../platform/testing/postgres";
import { decline } from "../releases/service";
import { joined, makeTeam, requested, type TestTeam } from "../releases/testing";
import { collect, deliverDue, runHooks } from "./deliver";
import { createHook, deliveries, hooks, removeHook, renewSecret, sendAgain, sendTest } from "./service";

let database: TestDatabase;
let connection: ReturnType<typeof connect>;
let t: TestTeam;
let admin: TeamContext;
let server: Server;
let url: string;
const home = mkdtempSync(join(tmpdir(), "lathe-hooks-"));
const received: { headers: IncomingHttpHeaders; body: string }[] = [];
let answer = { status: 204, headers: {} as Record<string, string> };

beforeAll(async () => {
  database = await createTestDatabase(inject("postgresUrl"));
  mkdirSync(join(home, "secrets"));
  writeFileSync(join(home, "secrets", "server.key"), "5".repeat(64));
  Object.assign(process.env, {
    DATABASE_URL: database.url,
    LATHE_HOME: home,
    LATHE_WEBHOOK_ALLOW: "127.0.0.1/32",
  });
  connection = connect(database.url);
  server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => {
      body += chunk;
    });
    request.on("end", () => {
      received.push({ headers: request.headers, body });
      response.writeHead(answer.status, answer.headers).end("x".repeat(100_000));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const at = server.address();
  url = `http://127.0.0.1:${typeof at === "object" && at ? at.port : 0}/hook`;
});
afterAll(async () => {
  const { pool } = await import("../platform/db");
  await pool().end();
  server.closeAllConnections();
  server.close();
  await connection.pool.end();
  await database.drop();
  rmSync(home, { recursive: true });
});
beforeEach(async () => {
  t = await makeTeam(connection.db);
  admin = await joined(t, "Ada Lind", ["admin"]);
  await collect(connection.db);
  received.length = 0;
  answer = { status: 204, headers: {} };
});

const now = (values: { deadAt?: Date } = {}) =>
  connection.db.update(webhookDelivery).set({ nextAt: new Date(0), ...values });
/** Until what was committed is below the snapshot's end, as for any reader of the outbox. */
async function told(count: number) {
  await expect
    .poll(async () => {
      await runHooks(connection.db);
      return received.length;
    })
    .toBeGreaterThanOrEqual(count);
}

function signatureOf({ headers, body }: (typeof received)[number], secret: string): string {
  const signed = `${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${body}`;
  const key = Buffer.from(secret.slice("whsec_".length), "base64");
  return `v1,${createHmac("sha256", key).update(signed).digest("base64")}`;
}

test("requests are told as they open and are decided, signed with the secret that was shown once", async () => {
  const { secret } = await createHook(admin, { url, events: ["request.opened", "request.decided"] });
  const number = await requested(t, t.versions[0]?.id ?? "", null);
  await decline(t.mei, { number, sentence: "Not yet, please." });
  await told(2);
  const bodies = received.map(({ body }) => JSON.parse(body));
  // Those of one turn are sent side by side.
  expect(bodies.toSorted((a, b) => a.timestamp.localeCompare(b.timestamp))).toMatchObject([
    {
      type: "request.opened",
      data: { team: t.ines.teamSlug, link: expect.stringContaining(`/requests/${number}`) },
    },
    { type: "request.decided", data: { by: "Mei Tanaka", action: "promotion.declined" } },
  ]);
  for (const one of received) expect(one.headers["webhook-signature"]).toBe(signatureOf(one, secret));
  await runHooks(connection.db);
  expect(received).toHaveLength(2);
  const [row] = await connection.db.select().from(webhook).where(eq(webhook.teamId, t.ines.teamId));
  expect(row?.sealed).not.toContain(secret.slice("whsec_".length));
  expect(JSON.stringify([await hooks(admin), await deliveries(admin)])).not.toContain("whsec_");
});

test("a new secret signs what is sent from then on, and the old one nothing", async () => {
  const { id, secret } = await createHook(admin, { url, events: ["alarm.fired"] });
  const renewed = await renewSecret(admin, { hookId: id });
  await sendTest(admin, { hookId: id });
  await told(1);
  const [one] = received;
  expect(one?.headers["webhook-signature"]).toBe(one && signatureOf(one, renewed.secret));
  expect(one?.headers["webhook-signature"]).not.toBe(one && signatureOf(one, secret));
  const other = await makeTeam(connection.db);
  await expect(renewSecret(other.mei, { hookId: id })).rejects.toThrow("no such webhook");
});

test("what fails is tried again under its id until it arrives, and given up after a day", async () => {
  const { id } = await createHook(admin, { url, events: ["release.changed"] });
  answer = { status: 500, headers: {} };
  await sendTest(admin, { hookId: id });
  await deliverDue(connection.db);
  expect(await deliveries(admin)).toMatchObject([
    { state: "pending", tries: 1, lastStatus: 500, lastError: "It answered 500." },
  ]);
  await deliverDue(connection.db);
  expect(received).toHaveLength(1);
  answer = { status: 302, headers: { location: "http://169.254.169.254/" } };
  await now();
  await deliverDue(connection.db);
  expect(await deliveries(admin)).toMatchObject([
    { tries: 2, lastError: expect.stringContaining("It redirects") },
  ]);
  await now({ deadAt: new Date() });
  await deliverDue(connection.db);
  const [dead] = await deliveries(admin);
  expect(dead).toMatchObject({ state: "dead", tries: 3 });
  answer = { status: 200, headers: {} };
  await sendAgain(admin, { deliveryId: dead?.id ?? "" });
  await deliverDue(connection.db);
  expect(await deliveries(admin)).toMatchObject([{ state: "delivered", tries: 1, lastStatus: 200 }]);
  expect(new Set(received.map(({ headers }) => headers["webhook-id"]))).toEqual(new Set([dead?.id]));
});

test("an address inside is refused when it is entered, and when its name leads inside later", async () => {
  for (const inside of ["https://10.0.0.7/x", "https://localhost.localdomain/x", "http://127.0.0.2/x"]) {
    await expect(createHook(admin, { url: inside, events: ["alarm.fired"] })).rejects.toMatchObject({
      code: "webhook_refused",
    });
  }
  const { id } = await createHook(admin, { url, events: ["alarm.fired"] });
  await connection.db
    .update(webhook)
    .set({ url: "https://169.254.169.254/latest" })
    .where(eq(webhook.id, id));
  await sendTest(admin, { hookId: id });
  await deliverDue(connection.db);
  expect(await deliveries(admin)).toMatchObject([
    { state: "pending", lastStatus: null, lastError: expect.stringContaining("not on the public internet") },
  ]);
});

test("a removed one is told nothing more, and another team's is not there", async () => {
  const { id } = await createHook(admin, { url, events: ["release.changed"] });
  const other = await makeTeam(connection.db);
  await expect(sendTest(other.ines, { hookId: id })).rejects.toMatchObject({ kind: "not_found" });
  expect(await hooks(other.ines)).toEqual([]);
  await sendTest(admin, { hookId: id });
  await removeHook(admin, { hookId: id });
  await now();
  await deliverDue(connection.db);
  expect(received).toEqual([]);
  expect(await deliveries(admin)).toMatchObject([{ state: "dead" }]);
  await expect(sendTest(admin, { hookId: id })).rejects.toMatchObject({ kind: "not_found" });
});
