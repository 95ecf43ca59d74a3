import { once } from "node:events";
import { createServer } from "node:http";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { readConfig } from "../config";
import { listenForOperators } from "./listener";
import { readiness } from "./readiness";
import { registry } from "./registry";
import { kindOf, measureRequests } from "./requests";

const TOKEN = "a-token-for-scrapers-of-this-test";
beforeAll(() => {
  vi.stubEnv("DATABASE_URL", "postgres://nobody@127.0.0.1:1/none");
  vi.stubEnv("LATHE_METRICS_TOKEN", TOKEN);
  vi.stubEnv("LATHE_LOG_LEVEL", "silent");
});
afterAll(() => {
  vi.unstubAllEnvs();
});

test.each([
  ["/api/trpc/runs.list,runs.one?batch=1", "trpc"],
  ["/api/trpc/live.follow?input=x", "stream"],
  ["/api/agent/desired?after=3", "agent_poll"],
  ["/api/agent/observed", "agent"],
  ["/api/worker/blobs/abc", "worker"],
  ["/api/2.0/mlflow/runs/log-batch", "mlflow"],
  ["/api/runs/vision/7/artifacts/a.png", "download"],
  ["/_next/static/chunks/a.js", "asset"],
  ["/vision/api/trpc", "page"],
])("%s is a request of kind %s", (url, kind) => {
  expect(kindOf(url)).toBe(kind);
});

test("what is answered is counted by kind and status, also where the address is rewritten meanwhile", async () => {
  measureRequests();
  const server = createServer((request, response) => {
    request.url = "/rewritten";
    response.writeHead(503).end();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address ? address.port : 0;
  await (await fetch(`http://127.0.0.1:${port}/api/worker/spec`)).text();
  await vi.waitFor(async () => {
    const text = await registry().metrics();
    expect(text).toContain('lathe_web_requests_total{kind="worker",code="503"} 1');
    expect(text).toContain('lathe_web_request_seconds_count{kind="worker"} 1');
  });
  server.close();
});

test("a token that is too short is refused by its name, and not shown", () => {
  const wrong = () => readConfig({ DATABASE_URL: "postgres://x", LATHE_METRICS_TOKEN: "guessable" });
  expect(wrong).toThrow(/^LATHE_METRICS_TOKEN can't be used: /);
  expect(wrong).not.toThrow("guessable");
});

test("what is not ready is named: what says so, what fails, and what does not answer in time", async () => {
  const checks = [
    { name: "fine", look: async () => null },
    { name: "relay", look: async () => "it has not read the outbox for 12 s" },
    { name: "database", look: () => Promise.reject(new Error("connect to 10.0.0.7 as lathe")) },
    { name: "disk", look: () => new Promise<null>(() => {}) },
  ];
  expect(await readiness(checks, 50)).toEqual({
    ready: false,
    notReady: [
      { name: "relay", why: "it has not read the outbox for 12 s" },
      { name: "database", why: "it does not answer" },
      { name: "disk", why: "it does not answer" },
    ],
  });
});

test("a listener tells live from ready, and metrics to whoever shows the token; a taken port stops nobody", async () => {
  const server = await listenForOperators(0, [{ name: "lease", look: async () => "nobody knows" }]);
  const address = server?.address();
  const port = typeof address === "object" && address ? address.port : 0;
  const ask = (path: string, authorization?: string) =>
    fetch(`http://127.0.0.1:${port}${path}`, authorization ? { headers: { authorization } } : {});
  expect((await ask("/health/live")).status).toBe(200);
  const ready = await ask("/health/ready");
  expect([ready.status, await ready.json()]).toEqual([
    503,
    { ready: false, notReady: [{ name: "lease", why: "nobody knows" }] },
  ]);
  for (const wrong of [undefined, TOKEN, "Bearer ", `Bearer ${TOKEN}x`])
    expect((await ask("/metrics", wrong)).status).toBe(401);
  const metrics = await ask("/metrics", `Bearer ${TOKEN}`);
  expect(metrics.headers.get("content-type")).toContain("version=0.0.4");
  expect(await metrics.text()).toContain("process_cpu_seconds_total");
  expect(await listenForOperators(port, [])).toBeNull();
  server?.close();
});
