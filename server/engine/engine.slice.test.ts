import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { asc, eq, sql } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { GET as desiredRoute } from "@/app/api/agent/desired/route";
import { POST as enrolRoute } from "@/app/api/agent/enrol/route";
import { POST as observedRoute } from "@/app/api/agent/observed/route";
import { GET as specRoute } from "@/app/api/worker/spec/route";
import { connect } from "../../db/client";
import { node, scalingDecision } from "../../db/schema/cluster";
import { event } from "../../db/schema/platform";
import { readings } from "../cluster/service";
import { createTestDatabase, type TestDatabase } from "../platform/testing/postgres";
import { getRun, registerFinishers, requestStop } from "../runs/service";
import { INSPECTION_RESULT, makeTeam, post, queue } from "../runs/testing";
import { FakeAgent, type Send } from "./fake-agent";
import { readingsOf } from "./fake-cluster";

let database: TestDatabase;
let connection: ReturnType<typeof connect>;
let home: string;
let agent: FakeAgent;
const ONE_TIME = "one-time-token-of-the-test";

const ROUTES: Record<string, (request: Request) => Promise<Response>> = {
  "/api/agent/enrol": (r) => enrolRoute(r, { params: Promise.resolve({}) }),
  "/api/agent/desired": (r) => desiredRoute(r, { params: Promise.resolve({}) }),
  "/api/agent/observed": (r) => observedRoute(r, { params: Promise.resolve({}) }),
  "/api/worker/spec": (r) => specRoute(r, { params: Promise.resolve({}) }),
};
const send: Send = async (request) =>
  (await ROUTES[new URL(request.url).pathname]?.(request)) ?? new Response(null, { status: 404 });

beforeAll(async () => {
  database = await createTestDatabase(inject("postgresUrl"));
  home = await mkdtemp(join(tmpdir(), "lathe-engine-"));
  await mkdir(join(home, "secrets"));
  await writeFile(join(home, "secrets", "server.key"), "k".repeat(64));
  await writeFile(join(home, "secrets", "agent-enrol.token"), ONE_TIME);
  Object.assign(process.env, { DATABASE_URL: database.url, LATHE_HOME: home });
  connection = connect(database.url);
  registerFinishers({ inspect_model: async () => {} });
  agent = await FakeAgent.enrol(send, ONE_TIME);
});
afterAll(async () => {
  await connection.pool.end();
  await database.drop();
  await rm(home, { recursive: true });
});

describe("an agent", () => {
  it("enrols once with its one-time token, and nobody speaks without being enrolled", async () => {
    expect(existsSync(join(home, "secrets", "agent-enrol.token"))).toBe(false);
    await expect(FakeAgent.enrol(send, ONE_TIME)).rejects.toMatchObject({ status: 401 });
    for (const path of ["/api/agent/desired", "/api/agent/observed"]) {
      const init = path.endsWith("observed") ? { method: "POST", body: "{}" } : {};
      expect((await send(new Request(`http://console${path}`, init))).status).toBe(401);
    }
  });

  it("is woken by what changes, and hears nothing when nothing does", async () => {
    const ctx = await makeTeam(connection.db);
    await agent.pull();
    expect(await agent.pull(0.2)).toBe(false);
    const waiting = agent.pull(20);
    const began = performance.now();
    const queued = await queue(ctx);
    expect(await waiting).toBe(true);
    expect(performance.now() - began).toBeLessThan(5_000);
    expect(agent.desired?.attempts.map((a) => a.runId)).toContain(queued.id);
    expect(agent.desired?.pools).toMatchObject([{ name: "local-cpu", min: 0, resources: { CPU: 1 } }]);
  });

  it("carries a run from queued to succeeded, and a restart of it disturbs nothing", async () => {
    const ctx = await makeTeam(connection.db);
    const queued = await queue(ctx);
    await agent.pull();
    await agent.tell();
    agent.restart();
    await agent.pull();
    await agent.tell();
    await post(queued.token, "result", { result: INSPECTION_RESULT });
    agent.endJob(queued.attempt.jobId, "succeeded", 0);
    await agent.tell();
    expect((await getRun(connection.db, ctx.teamId, queued.id)).state).toBe("succeeded");
    await agent.pull();
    expect(agent.desired?.attempts.map((a) => a.runId)).not.toContain(queued.id);
  });

  it("stops what is not desired any more", async () => {
    const ctx = await makeTeam(connection.db);
    const queued = await queue(ctx);
    await agent.pull();
    await agent.tell();
    await post(queued.token, "state", { state: "running", workers: [] });
    await requestStop(ctx, queued.id);
    await agent.pull();
    await agent.tell();
    expect((await getRun(connection.db, ctx.teamId, queued.id)).state).toBe("stopped");
  });

  it("changes nothing with an observation that is older than the last", async () => {
    const ctx = await makeTeam(connection.db);
    const queued = await queue(ctx);
    await agent.pull();
    const { seq } = await agent.tell();
    agent.endJob(queued.attempt.jobId, "failed", 1);
    expect((await agent.tell(seq)).seq).toBe(seq);
    expect((await getRun(connection.db, ctx.teamId, queued.id)).state).toBe("queued");
    await agent.tell();
    await agent.pull();
    expect(agent.desired?.attempts.map((a) => a.jobId)).toContain(`${queued.id}-2`);
  });

  it("has its nodes' lives and the reasons for them kept", async () => {
    const ctx = await makeTeam(connection.db);
    const queued = await queue(ctx);
    agent.demands = [{ shape: { CPU: 1 }, count: 2, owner: queued.attempt.id }];
    agent.pending = [{ pool: "local-cpu", count: 2, message: "Starting" }];
    await agent.tell();
    agent.demands = [];
    agent.pending = [];
    const [first, second] = agent.join("local-cpu", 2);
    await agent.tell();
    await agent.tell();
    if (!first || !second) throw new Error("two nodes joined");
    agent.leave(first.nodeId, "idle");
    agent.leave(second.nodeId, "lost");
    await agent.tell();
    const nodes = await connection.db.select().from(node).orderBy(asc(node.startedAt));
    expect(nodes.map((n) => [n.state, n.endReason]).sort()).toEqual([
      ["gone", "idle"],
      ["gone", "lost"],
    ]);
    const ledger = await connection.db.select().from(scalingDecision).orderBy(asc(scalingDecision.id));
    expect(ledger.map((d) => [d.direction, d.requested, d.achieved])).toEqual([
      ["up", 2, 2],
      ["down", 1, 1],
      ["down", 1, 1],
    ]);
    expect(ledger[0]?.reason).toContain(`run ${queued.number} (Inspect model.onnx)`);
    expect(ledger[1]?.reason).toMatch(/^local-cpu-\d had nothing to do for 60 s$/);
  });

  it("tells tabs of what changed; how busy a node is, whoever looks finds", async () => {
    const ctx = await makeTeam(connection.db);
    const told = () => connection.db.$count(event, eq(event.topic, "cluster"));
    const [joined] = agent.join("local-cpu", 1);
    if (!joined) throw new Error("a node joined");
    agent.pending = [{ pool: "local-cpu", count: 2, message: "Starting" }];
    await agent.tell();
    const before = await told();
    agent.readings = readingsOf([joined.nodeId], { cpuPercent: [73], memoryBytes: [2 ** 29] });
    await agent.tell();
    expect(await told()).toBe(before);
    expect(await readings(ctx)).toMatchObject({ cpuPercent: [73], memoryBytes: [2 ** 29] });
    agent.nodes.set(joined.nodeId, { ...joined, state: "idle" });
    await agent.tell();
    expect(await told()).toBe(before + 1);
    // A launch that is not waited for any more is decided anew, though the cluster looks the same.
    await connection.db.update(scalingDecision).set({ at: sql`now() - interval '11 minutes'` });
    await agent.tell();
    expect(await told()).toBe(before + 2);
    agent.pending = [];
    agent.leave(joined.nodeId, "idle");
    await agent.tell();
    expect(await told()).toBe(before + 3);
  });

  it("plays a cluster of 500 nodes", async () => {
    agent.join("local-cpu", 500);
    await agent.tell();
    const began = performance.now();
    await agent.tell();
    expect(performance.now() - began).toBeLessThan(5_000);
  });
});
