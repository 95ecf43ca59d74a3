/** What operators are given: every endpoint is scraped, and the dashboard and the alerts ask for nothing else. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { z } from "zod";
import { GET as live } from "@/app/api/health/live/route";
import { GET as ready } from "@/app/api/health/ready/route";
import { GET as metrics } from "@/app/api/metrics/route";
import { connect } from "../../db/client";
import { attempt, run } from "../../db/schema/runs";
import { startGateway } from "../gateway/gateway";
import { gatherInstallation } from "../overview/service";
import { pool } from "../platform/db";
import { newId } from "../platform/ids";
import { relay } from "../platform/live/relay";
import { interruptWhenOwnerDies } from "../platform/supervise/watchdog.mjs";
import { registry } from "../platform/telemetry/registry";
import { measureRequests } from "../platform/telemetry/requests";
import { mayScrape } from "../platform/telemetry/scrapers";
import { testConsole } from "../platform/testing/console";
import { freePorts } from "../platform/testing/ports";
import { metricsOf } from "../platform/testing/promql";
import { makeTeam } from "../runs/testing";

const TOKEN = "a-token-for-scrapers-of-this-test";
const BEARER = `Bearer ${TOKEN}`;
const console = testConsole({
  LATHE_METRICS_TOKEN: TOKEN,
  LATHE_LOG_LEVEL: "silent",
  LATHE_CLUSTER: "none",
});
const ended: (() => Promise<unknown>)[] = [];
afterAll(async () => {
  for (const end of ended.reverse()) await end();
  await pool().end();
});

const told: Record<string, string> = {};
const nothing = { params: Promise.resolve({}) };
const scrapeWeb = async (authorization = BEARER) =>
  metrics(new Request("http://127.0.0.1/api/metrics", { headers: { authorization } }), nothing);
const askReady = async () => {
  const answer = await ready(new Request("http://127.0.0.1/api/health/ready"), nothing);
  return { status: answer.status, body: await answer.json() };
};

/** A run that waits for room since ten minutes. */
async function queueRun(): Promise<void> {
  const { teamId } = await makeTeam(console.db);
  const runId = newId("run");
  const waiting = { kind: "train", title: "t", spec: {}, resources: {}, clusterId: "clu_1" } as const;
  await console.db.insert(run).values({ id: runId, teamId, number: 1, ...waiting });
  const createdAt = sql`now() - interval '10 minutes'`;
  await console.db
    .insert(attempt)
    .values({ id: newId("att"), teamId, runId, number: 1, jobId: "j", createdAt });
}

async function startController(): Promise<string> {
  const port = await freePorts(1);
  const child = spawn(process.execPath, ["--import", "tsx", "server/processes/controller.ts"], {
    env: { ...process.env, LATHE_CONTROLLER_PORT: String(port) },
    stdio: "ignore",
  });
  if (child.pid) child.once("exit", interruptWhenOwnerDies(child.pid));
  ended.push(async () => {
    const gone = once(child, "exit");
    child.kill("SIGTERM");
    await gone;
  });
  return `http://127.0.0.1:${port}`;
}

beforeAll(async () => {
  measureRequests();
  await queueRun();
  const controller = await startController();
  const gateway = await startGateway({
    databaseUrl: process.env.DATABASE_URL ?? "",
    folder: join(console.home, "gateway"),
    host: "127.0.0.1",
    port: 0,
    gatewayId: newId("gw"),
    serverKey: "k".repeat(64),
    replicaToken: (id) => id,
    maxBodyBytes: 1 << 20,
    answerMs: 1_000,
    mayScrape,
  });
  ended.push(() => gateway.close());
  const text = async (url: string) =>
    (await fetch(`${url}/metrics`, { headers: { authorization: BEARER } })).text();
  await vi.waitFor(
    async () => {
      expect((await fetch(`${controller}/health/ready`)).status).toBe(200);
      told.controller = await text(controller);
      expect(told.controller).toMatch(/lathe_controller_pass_seconds_count\{task="queue"\} [1-9]/);
    },
    { timeout: 30_000, interval: 100 },
  );
  told.gateway = await text(gateway.url);
  told.web = await (await scrapeWeb()).text();
  expect((await fetch(`${gateway.url}/metrics`)).status).toBe(401);
});

test("a controller says that it leads, at which epoch, and how its passes go", () => {
  expect(told.controller).toContain("lathe_controller_leading 1");
  expect(told.controller).toContain("lathe_controller_lease_epoch 1");
  expect(told.controller).toMatch(/lathe_controller_failures_total\{task="queue"\} 0/);
});

test("the gateway tells its connections and how old its table is", () => {
  expect(told.gateway).toMatch(/lathe_gateway_connections [1-9]/);
  expect(told.gateway).toMatch(/lathe_gateway_route_age_seconds [\d.]+\n/);
});

test("the console tells what waits, to whoever shows the token", async () => {
  expect((await scrapeWeb("Bearer something-else")).status).toBe(401);
  expect(told.web).toContain('lathe_runs{state="queued"} 1');
  expect(told.web).toContain('lathe_runs{state="paused"} 0');
  expect(told.web).toContain("lathe_queue_length 1\n");
  expect(told.web).toMatch(/lathe_queue_oldest_seconds 6\d\d/);
  expect(told.web).toContain("lathe_database_up 1");
  expect(told.web).toMatch(/lathe_data_free_bytes [1-9]/);
});

test("with the database away, what was read from it is absent and not old", async () => {
  const nowhere = connect("postgres://nobody@127.0.0.1:1/none");
  await gatherInstallation(nowhere.db, performance.now() + 60_000);
  expect(await registry().metrics()).not.toMatch(/^lathe_(queue_length|runs|cluster_nodes)[ {]/m);
  await gatherInstallation(console.db, performance.now() + 120_000);
  expect(await registry().metrics()).toContain("lathe_queue_length 1\n");
});

test("events that a relay has not handed on are its lag", async () => {
  const leave = relay().subscribe({ onEvents: () => {}, onNews: () => {} });
  await vi.waitFor(() => expect(relay().state().cursor).not.toBeNull());
  const writer = await pool().connect();
  // While an older transaction is open, what was written after it can't be handed on.
  await writer.query("begin; select pg_current_xact_id()");
  await pool().query(
    `insert into event (topic, key, payload, created_at) values ('runs', 'late', '{}', now() - interval '90 seconds')`,
  );
  const text = await (await scrapeWeb()).text();
  expect(text).toContain("lathe_live_subscribers 1\n");
  expect(text).toContain("lathe_relay_lag_events 1\n");
  expect(text).toMatch(/lathe_relay_lag_seconds 9\d/);
  await writer.query("rollback");
  writer.release();
  await vi.waitFor(
    async () => expect(await (await scrapeWeb()).text()).toContain("lathe_relay_lag_events 0\n"),
    { timeout: 30_000, interval: 100 },
  );
  leave();
});

test("a console whose database lacks a migration is alive and not ready, and says which", async () => {
  expect(await askReady()).toEqual({ status: 200, body: { ready: true, notReady: [] } });
  const table = "drizzle.__drizzle_migrations";
  await pool().query(
    `update ${table} set created_at = created_at - 1 where created_at = (select max(created_at) from ${table})`,
  );
  expect(await askReady()).toMatchObject({ status: 503, body: { notReady: [{ name: "migrations" }] } });
  expect((await live(new Request("http://127.0.0.1/api/health/live"), nothing)).status).toBe(200);
});

const Target = z.object({ expr: z.string() });
const Dashboard = z.object({
  templating: z.object({
    list: z.array(z.object({ name: z.string(), type: z.string(), definition: z.string().optional() })),
  }),
  panels: z.array(z.object({ title: z.string(), targets: z.array(Target).default([]) })).min(20),
});

/** Series that a text tells, a histogram's with their endings. */
const seriesOf = (text = ""): string[] =>
  [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].flatMap(([, name = "", type]) =>
    type === "histogram" ? ["_bucket", "_sum", "_count"].map((end) => name + end) : [name],
  );
/** Prometheus makes it of whether a scrape succeeded. */
const OF_PROMETHEUS = new Set(["up"]);
/** The agent's own are checked where its registry is, with it. */
const namesIn = (expression: string): string[] =>
  metricsOf(expression).filter((name) => !name.startsWith("lathe_agent_") && !OF_PROMETHEUS.has(name));

test("an expression that can't be read, or asks for nothing, is no question", () => {
  expect(metricsOf('sum by (a) (rate(x_total{a=~"$model"}[$__rate_interval])) / y > 0.5')).toEqual([
    "x_total",
    "y",
  ]);
  for (const wrong of ["sum by (a) (x", "rate(x_total[5m]", "x{a=b}", "x / / y", "1 + 1"])
    expect(() => metricsOf(wrong), wrong).toThrow(/can't be read|asks for no metric/);
});

test("dashboard and alerts ask for nothing that no endpoint tells, and operators read of all of it", () => {
  const emitted = new Set(Object.values(told).flatMap(seriesOf));
  const dashboard = Dashboard.parse(JSON.parse(readFileSync("deploy/grafana/lathe.json", "utf8")));
  expect(dashboard.templating.list).toContainEqual({ name: "datasource", type: "datasource" });
  const alerts = [...readFileSync("deploy/alerts.yml", "utf8").matchAll(/^\s+expr: (.+)$/gm)];
  expect(alerts.length).toBeGreaterThan(8);
  const asked = [
    ...dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)),
    ...alerts.map(([, expr = ""]) => expr),
    ...dashboard.templating.list.flatMap(
      ({ definition }) => definition?.match(/^label_values\((\w+),/)?.[1] ?? [],
    ),
  ].flatMap(namesIn);
  expect(asked.filter((name) => !emitted.has(name))).toEqual([]);

  const guide = readFileSync("docs/OPERATING.md", "utf8");
  const own = Object.values(told).flatMap((text) =>
    [...text.matchAll(/^# TYPE (lathe_\S+)/gm)].map(([, n = ""]) => n),
  );
  expect(own.length).toBeGreaterThan(35);
  expect(own.filter((name) => !guide.includes(`\`${name}`))).toEqual([]);
});
