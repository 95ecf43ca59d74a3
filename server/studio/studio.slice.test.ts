import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eq } from "drizzle-orm";
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from "vitest";
import { cluster } from "../../db/schema/cluster";
import { model, version } from "../../db/schema/models";
import { run } from "../../db/schema/runs";
import { studioMeasurement, studioSession } from "../../db/schema/studio";
import { insertReadyDataset } from "../datasets/testing/examples";
import { makeEngineer } from "../identity/testing";
import { versionPage } from "../models/service";
import { inspection } from "../models/testing/examples";
import { database, pool } from "../platform/db";
import { newId } from "../platform/ids";
import { createTestDatabase, type TestDatabase } from "../platform/testing/postgres";
import { deriveToken } from "../platform/tokens";
import { Settings } from "./contract";
import { closeIdleSessions, desiredSessions, observeSession } from "./reconcile";
import * as service from "./service";
import type { StudioPartial } from "./session-contract";
import { storedBlob, succeedCommit } from "./testing";

let test: TestDatabase;
let home: string;

beforeAll(async () => {
  test = await createTestDatabase(inject("postgresUrl"));
  home = await mkdtemp(join(tmpdir(), "lathe-studio-"));
  await mkdir(join(home, "secrets"));
  await writeFile(join(home, "secrets", "server.key"), randomBytes(32).toString("hex"), { mode: 0o600 });
  Object.assign(process.env, { DATABASE_URL: test.url, LATHE_HOME: home, LATHE_SESSION_IDLE_SECONDS: "600" });
});
afterAll(async () => {
  await pool().end();
  await test.drop();
  await rm(home, { recursive: true, force: true });
});

async function makeBench() {
  const db = database();
  const ctx = await makeEngineer(db);
  const { teamId } = ctx;
  const [modelId, versionId] = [newId("mdl"), newId("ver")];
  const blob = await storedBlob(ctx);
  await db.insert(model).values({ id: modelId, teamId, name: "parcels", nextNumber: 2 });
  await db.insert(version).values({
    id: versionId,
    teamId,
    modelId,
    number: 1,
    digest: blob.sha256,
    floatDigest: blob.sha256,
    bytes: blob.bytes,
    filename: "parcels.onnx",
    state: "ready",
    origin: "upload",
    tier: 1,
    inspection,
    sizes: inspection.sizes,
  });
  return { ctx, versionId, datasetId: await insertReadyDataset(ctx, [1, 28, 28], blob) };
}

const observe = (id: string, state: "starting" | "ready" | "failed", address: string | null, message = "") =>
  database().transaction((tx) =>
    observeSession(tx, { kind: "session", id, state, address, nodeId: "node-a", pid: 1, message }),
  );
const revision = async () => (await database().select().from(cluster))[0]?.desiredRevision ?? 0;

/** A session's HTTP side that says what a test tells it to. */
const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});
interface Actor {
  address: string;
  asked: { authorization: string | undefined; body: unknown }[];
  /** Settles when the asker hangs up before the answer ended. */
  hungUp: Promise<void>;
}
async function actor(lines: StudioPartial[], { hang = false } = {}): Promise<Actor> {
  const asked: Actor["asked"] = [];
  let gone = () => {};
  const hungUp = new Promise<void>((resolve) => (gone = resolve));
  const server = createServer(async (request, response) => {
    let text = "";
    for await (const chunk of request) text += chunk;
    asked.push({ authorization: request.headers.authorization, body: JSON.parse(text) });
    response.on("close", () => !response.writableEnded && gone());
    for (const line of lines) response.write(`${JSON.stringify(line)}\n`);
    if (!hang) response.end();
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const at = server.address();
  if (!at || typeof at === "string") throw new Error("no port");
  return { address: `http://127.0.0.1:${at.port}`, asked, hungUp };
}

const accuracy = (rev: number, n: number): StudioPartial => ({
  type: "accuracy",
  rev,
  elapsedMs: 90,
  n,
  total: 10_000,
  accuracy: 0.9,
  baselineAccuracy: 0.91,
  paired: { n, gained: 1, lost: 2, difference: -0.01, halfWidth: 0.01, mcnemarP: 0.5 },
  figures: [],
  perClass: [],
});
const done = (rev: number): StudioPartial => ({ type: "done", rev, elapsedMs: 900 });
const settings = Settings.parse({ sparsity: 0.4 });

/** A session of a fresh version that answers with these lines. */
async function ready(lines: StudioPartial[], options?: { hang: boolean }) {
  const { ctx, ...bench } = await makeBench();
  const { sessionId } = await service.openSession(ctx, bench);
  const at = await actor(lines, options);
  await observe(sessionId, "ready", at.address);
  return { ctx, bench, sessionId, ...at };
}

describe("a session", () => {
  it("is one for a version and dataset, however many open it at once", async () => {
    const { ctx, ...bench } = await makeBench();
    const opened = await Promise.all([1, 2, 3].map(() => service.openSession(ctx, bench)));
    expect(new Set(opened.map((o) => o.sessionId)).size).toBe(1);
  });

  it("is desired of the cluster with its token, until it idles; then it opens anew", async () => {
    const { ctx, ...bench } = await makeBench();
    const before = await revision();
    const { sessionId } = await service.openSession(ctx, bench);
    expect(await revision()).toBeGreaterThan(before);
    const clusterId = (await database().select().from(cluster))[0]?.id ?? "";
    const desired = async () =>
      (await desiredSessions(ctx.db, clusterId)).find((s) => s.sessionId === sessionId);
    expect(await desired()).toMatchObject({
      token: deriveToken("session", sessionId),
      dataset: { datasetId: bench.datasetId },
    });
    await closeIdleSessions(ctx.db);
    expect(await desired()).toBeDefined();

    await ctx.db
      .update(studioSession)
      .set({ lastUsedAt: new Date(Date.now() - 601_000) })
      .where(eq(studioSession.id, sessionId));
    await closeIdleSessions(ctx.db);
    expect(await desired()).toBeUndefined();
    expect((await service.session(ctx, sessionId)).state).toBe("closed");
    expect((await service.openSession(ctx, bench)).sessionId).not.toBe(sessionId);
  });

  it("says why it waits, is ready only with an address, and stays failed with its reason", async () => {
    const { ctx, ...bench } = await makeBench();
    const { sessionId } = await service.openSession(ctx, bench);
    await observe(sessionId, "starting", null, "waiting for 1 CPU: a node is starting");
    expect(await service.session(ctx, sessionId)).toMatchObject({
      state: "opening",
      message: "waiting for 1 CPU: a node is starting",
    });
    await expect(service.baseline(ctx, sessionId)).rejects.toThrow("waiting for 1 CPU");
    await observe(sessionId, "ready", "http://127.0.0.1:1");
    expect((await service.session(ctx, sessionId)).state).toBe("ready");
    await observe(sessionId, "failed", null, "The samples do not fit.");
    await observe(sessionId, "ready", "http://127.0.0.1:1");
    expect(await service.session(ctx, sessionId)).toMatchObject({
      state: "failed",
      message: "The samples do not fit.",
    });
  });

  it("is not another team's to see or use", async () => {
    const [{ ctx, ...bench }, { ctx: stranger }] = [await makeBench(), await makeBench()];
    const { sessionId } = await service.openSession(ctx, bench);
    await expect(service.session(stranger, sessionId)).rejects.toThrow("no such studio session");
    await expect(service.openSession(stranger, bench)).rejects.toThrow("no such version");
    await expect(service.commit(stranger, { ...bench, settings, note: "" })).rejects.toThrow(
      "no such version",
    );
    expect(await service.history(stranger, bench)).toEqual([]);
  });
});

describe("a measurement", () => {
  it("streams what the session says, with its token, and is kept when done", async () => {
    const { ctx, bench, sessionId, asked } = await ready([accuracy(3, 250), accuracy(3, 10_000), done(3)]);
    const told: string[] = [];
    for await (const line of service.evaluate(
      ctx,
      { sessionId, rev: 3, settings },
      new AbortController().signal,
    ))
      told.push(line.type);
    expect(told).toEqual(["accuracy", "accuracy", "done"]);
    expect(asked).toEqual([
      { authorization: `Bearer ${deriveToken("session", sessionId)}`, body: { rev: 3, settings } },
    ]);
    expect(await service.history(ctx, bench)).toMatchObject([{ n: 10_000, settings }]);
    expect((await service.session(ctx, sessionId)).lastRev).toBe(3);
  });

  it("never passes on a line of another revision", async () => {
    const { ctx, sessionId } = await ready([accuracy(2, 1000), accuracy(3, 250), done(3)]);
    const revs: number[] = [];
    for await (const line of service.evaluate(
      ctx,
      { sessionId, rev: 3, settings },
      new AbortController().signal,
    ))
      revs.push(line.rev);
    expect(revs).toEqual([3, 3]);
  });

  it("ends in the session too when the browser leaves, and keeps what has enough samples", async () => {
    const { ctx, bench, sessionId, hungUp } = await ready([accuracy(1, 250)], { hang: true });
    const browser = new AbortController();
    for await (const _ of service.evaluate(ctx, { sessionId, rev: 1, settings }, browser.signal)) break;
    browser.abort();
    await hungUp;
    expect(await service.history(ctx, bench)).toMatchObject([{ n: 250 }]);
  });

  it("keeps its session in use for as long as it says something", async () => {
    const { ctx, sessionId } = await ready([accuracy(1, 250), accuracy(1, 1000), done(1)]);
    for await (const line of service.evaluate(
      ctx,
      { sessionId, rev: 1, settings },
      new AbortController().signal,
    )) {
      if (line.type === "accuracy")
        await ctx.db
          .update(studioSession)
          .set({ lastUsedAt: new Date(Date.now() - 601_000) })
          .where(eq(studioSession.id, sessionId));
    }
    await closeIdleSessions(ctx.db);
    expect((await service.session(ctx, sessionId)).state).toBe("ready");
  });

  it("says when the session's process ended in the middle, and keeps what has enough samples", async () => {
    const { ctx, bench, sessionId } = await ready([accuracy(1, 250)], { hang: true });
    const measure = async () => {
      const lines = service.evaluate(ctx, { sessionId, rev: 1, settings }, new AbortController().signal);
      for await (const _ of lines) servers.at(-1)?.closeAllConnections();
    };
    await expect(measure()).rejects.toMatchObject({
      code: "session_unreachable",
      message: "The session's process ended while it measured.",
    });
    expect(await service.history(ctx, bench)).toMatchObject([{ n: 250 }]);
  });

  it("is not kept when it was superseded before it said enough", async () => {
    const { ctx, bench, sessionId } = await ready([accuracy(1, 100), { type: "superseded", rev: 1, by: 2 }]);
    for await (const _ of service.evaluate(
      ctx,
      { sessionId, rev: 1, settings },
      new AbortController().signal,
    ));
    expect(await service.history(ctx, bench)).toEqual([]);
  });
});

describe("a commit", () => {
  it("makes an immutable child of the very setting, with lineage and recipe", async () => {
    const { ctx, ...bench } = await makeBench();
    const { id } = await service.commit(ctx, { ...bench, settings, note: "forty" });
    const [started] = await ctx.db.select().from(run).where(eq(run.id, id));
    if (!started) throw new Error("no run");
    expect(started.spec).toMatchObject({ kind: "compress", recipe: { ...settings, roundTo: 16 } });
    const artifact = await succeedCommit(ctx, started);
    const page = await versionPage(ctx, { model: "parcels", number: 2 });
    expect(page.version).toMatchObject({ parentId: bench.versionId, digest: artifact.sha256, note: "forty" });
    expect(page.version.madeBy).toMatchObject({
      kind: "compress",
      recipe: settings,
      digest: "ef".repeat(32),
    });
    expect(page.evaluations).toHaveLength(1);
    expect((await service.commitProgress(ctx, id)).made).toMatchObject({ number: 2, accuracy: 0.915 });
  });

  it("by sensitivity carries the ratio of every layer as it was measured, and waits until it was", async () => {
    const layer = { before: 16, after: 16, parameters: 144 };
    const layers = [
      { ...layer, name: "stem", sparsity: 0.1 },
      { ...layer, name: "head", sparsity: 0.7 },
    ];
    const chosen = Settings.parse({ sparsity: 0.5, allocation: "sensitivity", layers: { stem: 0.1 } });
    const { ctx, bench, sessionId } = await ready([
      { type: "work", what: "scan", rev: 1, elapsedMs: 5, done: 0, total: 14, etaSeconds: null },
      {
        type: "built",
        rev: 1,
        elapsedMs: 10,
        achieved: { channels: 0, sparsity: 0.5 },
        layers,
        sizes: inspection.sizes,
        macs: 1,
      },
      accuracy(1, 10_000),
      done(1),
    ]);
    const commit = () => service.commit(ctx, { ...bench, settings: chosen, note: "" });
    await expect(commit()).rejects.toThrow("not known yet");
    const input = { sessionId, rev: 1, settings: chosen };
    for await (const _ of service.evaluate(ctx, input, new AbortController().signal));
    const { id } = await commit();
    const [started] = await ctx.db.select().from(run).where(eq(run.id, id));
    expect(started?.spec).toMatchObject({ recipe: { ...chosen, layers: { stem: 0.1, head: 0.7 } } });
  });

  it("carries what has an effect only, and finds what was measured before there was a choice", async () => {
    const layer = { name: "stem", before: 16, after: 16, parameters: 144, sparsity: 0.5 };
    const chosen = Settings.parse({ sparsity: 0.5, allocation: "uniform", calibration: "entropy" });
    const { ctx, bench, sessionId } = await ready([
      {
        type: "built",
        rev: 1,
        elapsedMs: 10,
        achieved: { channels: 0, sparsity: 0.5 },
        layers: [layer],
        sizes: inspection.sizes,
        macs: 1,
      },
      accuracy(1, 10_000),
      done(1),
    ]);
    const input = { sessionId, rev: 1, settings: chosen };
    for await (const _ of service.evaluate(ctx, input, new AbortController().signal));
    const [kept] = await ctx.db.select().from(studioMeasurement);
    expect(kept?.settings).toMatchObject({ calibration: "minmax", pattern: "none", keepFloat: [] });
    const before = { channels: 0, sparsity: 0.5, precision: "fp32", allocation: "uniform", layers: {} };
    await ctx.db.update(studioMeasurement).set({ settings: before });
    const { id } = await service.commit(ctx, { ...bench, settings: chosen, note: "" });
    const [started] = await ctx.db.select().from(run).where(eq(run.id, id));
    expect(started?.spec).toMatchObject({ recipe: { layers: { stem: 0.5 }, calibration: "minmax" } });
  });

  it("is refused where the dials change nothing", async () => {
    const { ctx, ...bench } = await makeBench();
    const nothing = Settings.parse({ allocation: "uniform", layers: { stem: 0 } });
    await expect(service.commit(ctx, { ...bench, settings: nothing, note: "" })).rejects.toThrow(
      "change nothing",
    );
  });

  it("is refused on a dataset that the version can't be fed", async () => {
    const { ctx, ...bench } = await makeBench();
    const datasetId = await insertReadyDataset(ctx, [2, 20, 12], await storedBlob(ctx));
    await expect(service.commit(ctx, { ...bench, datasetId, settings, note: "" })).rejects.toThrow(
      "takes 1×28×28",
    );
  });
});
