import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { desc, eq } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { auditEntry } from "../../db/schema/audit";
import { dataset } from "../../db/schema/datasets";
import { model, version } from "../../db/schema/models";
import { event, upload } from "../../db/schema/platform";
import { run } from "../../db/schema/runs";
import { CreateDataset } from "../datasets/contract";
import { datasetsRouter } from "../datasets/router";
import { page } from "../datasets/service";
import { insertReadyDataset, report } from "../datasets/testing/examples";
import { makeEngineer } from "../identity/testing";
import type { TeamContext } from "../platform/context";
import { database, pool } from "../platform/db";
import { newId } from "../platform/ids";
import { createTestDatabase, type TestDatabase } from "../platform/testing/postgres";
import { createCallerFactory } from "../platform/trpc/trpc";
import type { RunResult } from "../runs/contract";
import { succeed } from "../runs/lifecycle";
import { toRun } from "../runs/records";
import { newestAttempt } from "../runs/repo";
import { storedBlob } from "../studio/testing";
import "../wiring";
import { versionsFitting } from "./service";
import { inspection, triedBatch } from "./testing/examples";
import { tryBatch } from "./tries";

let test: TestDatabase;
let home: string;

beforeAll(async () => {
  test = await createTestDatabase(inject("postgresUrl"));
  home = await mkdtemp(join(tmpdir(), "lathe-tries-"));
  await mkdir(join(home, "secrets"));
  await writeFile(join(home, "secrets", "server.key"), "k".repeat(64));
  Object.assign(process.env, { DATABASE_URL: test.url, LATHE_HOME: home });
});
afterAll(async () => {
  await pool().end();
  await test.drop();
  await rm(home, { recursive: true, force: true });
});

/** A team with a version that is ready. */
async function makeBench(name = "garments") {
  const ctx = await makeEngineer(database());
  const { teamId } = ctx;
  const [modelId, versionId] = [newId("mdl"), newId("ver")];
  const blob = await storedBlob(ctx);
  await ctx.db.insert(model).values({ id: modelId, teamId, name, nextNumber: 2 });
  await ctx.db.insert(version).values({
    id: versionId,
    teamId,
    modelId,
    number: 1,
    digest: blob.sha256,
    floatDigest: blob.sha256,
    bytes: blob.bytes,
    filename: "model.onnx",
    state: "ready",
    origin: "upload",
    tier: 1,
    inspection,
    sizes: inspection.sizes,
  });
  return { ctx, versionId, blob };
}

const ofDataset = async (ctx: TeamContext, datasetId: string) => {
  const [row] = await ctx.db
    .select()
    .from(run)
    .where(eq(run.datasetId, datasetId))
    .orderBy(desc(run.createdAt))
    .limit(1);
  if (!row) throw new Error("no run was started");
  return toRun(row);
};

/** Ends a run as its worker and its job do that succeed. */
const finish = (ctx: TeamContext, id: string, result: RunResult) =>
  ctx.db.transaction(async (tx) => {
    const [row] = await tx.update(run).set({ result }).where(eq(run.id, id)).returning();
    const attempt = await newestAttempt(tx, id);
    if (!row || !attempt) throw new Error("the run is gone");
    await succeed(tx, toRun(row), attempt);
  });

describe("a test batch", () => {
  it("is a run of its own, audited, and its result stands beside the version that it was tried on", async () => {
    const { ctx, versionId, blob } = await makeBench();
    const datasetId = await insertReadyDataset(ctx, [28, 28], blob);
    expect(await versionsFitting(ctx.db, ctx.teamId, datasetId)).toMatchObject([{ tried: null }]);
    const { id, number } = await tryBatch(ctx, { versionId, datasetId });
    const started = await ofDataset(ctx, datasetId);
    expect(started).toMatchObject({
      kind: "try_batch",
      versionId,
      spec: { kind: "try_batch", model: blob.sha256, dataset: { datasetId, transform: { scale: 1 / 255 } } },
    });
    const [entry] = await ctx.db.select().from(auditEntry).where(eq(auditEntry.teamId, ctx.teamId));
    expect(entry).toMatchObject({ action: "batch.tried", targetId: versionId });
    const [waiting] = await versionsFitting(ctx.db, ctx.teamId, datasetId);
    expect(waiting).toMatchObject({ id: versionId, tried: { number, state: "queued", batch: null } });
    await finish(ctx, id, { kind: "try_batch", batch: triedBatch });
    const [fitting] = await versionsFitting(ctx.db, ctx.teamId, datasetId);
    expect(fitting).toMatchObject({
      model: "garments",
      number: 1,
      tried: { number, state: "succeeded", batch: triedBatch },
    });
    expect(fitting?.tried?.endedAt).toBeInstanceOf(Date);
    const told = await ctx.db.select().from(event).where(eq(event.key, versionId));
    expect(told.filter(({ topic }) => topic === "models")).toHaveLength(2);
  });

  it("that is newer takes the place of an older one, and other datasets keep theirs", async () => {
    const { ctx, versionId, blob } = await makeBench();
    const [here, there] = [
      await insertReadyDataset(ctx, [28, 28], blob),
      await insertReadyDataset(ctx, [28, 28], blob),
    ];
    const first = await tryBatch(ctx, { versionId, datasetId: here });
    await finish(ctx, first.id, { kind: "try_batch", batch: triedBatch });
    const second = await tryBatch(ctx, { versionId, datasetId: here });
    const batch = { ...triedBatch, verdict: "warning" as const, score: 0.1 };
    await finish(ctx, second.id, { kind: "try_batch", batch });
    expect(await versionsFitting(ctx.db, ctx.teamId, here)).toMatchObject([
      { tried: { number: second.number, batch: { score: 0.1 } } },
    ]);
    expect(await versionsFitting(ctx.db, ctx.teamId, there)).toMatchObject([{ tried: null }]);
  });

  it("is refused before a job starts where shapes or classes do not fit", async () => {
    const { ctx, versionId, blob } = await makeBench();
    const wide = await insertReadyDataset(ctx, [20, 20], blob);
    await expect(tryBatch(ctx, { versionId, datasetId: wide })).rejects.toMatchObject({
      code: "shapes_differ",
    });
    const classes = Array.from({ length: 11 }, (_, label) => ({ label, train: 3, test: 1 }));
    const many = await insertReadyDataset(ctx, [28, 28], blob, { classes });
    await expect(tryBatch(ctx, { versionId, datasetId: many })).rejects.toMatchObject({
      code: "classes_differ",
    });
    expect(await ctx.db.$count(run, eq(run.teamId, ctx.teamId))).toBe(0);
  });

  it("is its own team's only", async () => {
    const [own, other] = [await makeBench(), await makeBench()];
    const [ours, theirs] = [
      await insertReadyDataset(own.ctx, [28, 28], own.blob),
      await insertReadyDataset(other.ctx, [28, 28], other.blob),
    ];
    await expect(tryBatch(own.ctx, { versionId: other.versionId, datasetId: ours })).rejects.toThrow(
      "no such version",
    );
    await expect(tryBatch(own.ctx, { versionId: own.versionId, datasetId: theirs })).rejects.toThrow(
      "no such dataset",
    );
    await tryBatch(other.ctx, { versionId: other.versionId, datasetId: theirs });
    await expect(versionsFitting(own.ctx.db, own.ctx.teamId, theirs)).rejects.toThrow("no such dataset");
    expect(await versionsFitting(own.ctx.db, own.ctx.teamId, ours)).toMatchObject([{ tried: null }]);
  });
});

describe("the check of a dataset that is for a model", () => {
  async function create(ctx: TeamContext, tryOn: string | null) {
    const uploadId = newId("upl");
    const { sha256, bytes } = await storedBlob(ctx);
    await ctx.db.insert(upload).values({
      id: uploadId,
      teamId: ctx.teamId,
      purpose: "dataset",
      filename: "parcels.npz",
      bytes,
      createdBy: ctx.actor.id,
      sha256,
      finishedAt: new Date(),
    });
    const person = { id: ctx.actor.id, name: "Ines", email: "ines@example.com" };
    const roles = ["engineer" as const];
    const caller = createCallerFactory(datasetsRouter)({
      db: database(),
      requestId: newId("req"),
      person,
      display: async () => null,
      membership: async (slug) =>
        slug === ctx.teamSlug ? { teamId: ctx.teamId, teamSlug: slug, teamName: slug, roles } : null,
    });
    const input = CreateDataset.parse({
      name: newId("set").replace("_", "-"),
      files: [{ uploadId, role: "data" }],
      split: { kind: "seeded" },
      tryOn,
    });
    return caller.create({ team: ctx.teamSlug, ...input });
  }

  it("tries a batch on it at its end, which the dataset's page and its fits tell", async () => {
    const { ctx, versionId, blob } = await makeBench();
    const created = await create(ctx, versionId);
    const check = await ofDataset(ctx, created.datasetId);
    expect(check).toMatchObject({
      kind: "inspect_dataset",
      versionId,
      spec: { kind: "inspect_dataset", model: blob.sha256 },
    });
    expect((await page(ctx, created.name)).batch).toBeNull();
    await finish(ctx, check.id, {
      kind: "inspect_dataset",
      report: report(),
      refusal: null,
      batch: triedBatch,
    });
    expect(await page(ctx, created.name)).toMatchObject({
      state: "ready",
      batch: { model: "garments", number: 1, verdict: "passed", score: 0.9 },
    });
    expect(await versionsFitting(ctx.db, ctx.teamId, created.datasetId)).toMatchObject([
      { tried: { number: check.number, batch: triedBatch } },
    ]);
  });

  it("leaves the dataset ready whatever the batch says", async () => {
    const { ctx, versionId } = await makeBench();
    const created = await create(ctx, versionId);
    const problem = { rule: "input.shape", message: "Samples do not fit.", remedy: "Choose others." };
    await finish(ctx, (await ofDataset(ctx, created.datasetId)).id, {
      kind: "inspect_dataset",
      report: report([20, 20]),
      refusal: null,
      batch: { ...triedBatch, verdict: "failed", n: 0, score: null, problems: [problem] },
    });
    expect(await page(ctx, created.name)).toMatchObject({
      state: "ready",
      batch: { verdict: "failed", problems: [problem] },
    });
  });

  it("asks for none where nobody named a model, and reads results from before there were any", async () => {
    const { ctx } = await makeBench();
    const created = await create(ctx, null);
    const check = await ofDataset(ctx, created.datasetId);
    expect(check).toMatchObject({ versionId: null, spec: { model: null } });
    await finish(ctx, check.id, {
      kind: "inspect_dataset",
      report: report(),
      refusal: null,
      batch: null,
    });
    const old = { kind: "inspect_dataset", report: report(), refusal: null };
    await ctx.db
      .update(run)
      .set({ result: old, intent: { takesFoundTransform: true } })
      .where(eq(run.id, check.id));
    expect((await page(ctx, created.name)).batch).toBeNull();
  });

  it("is not begun for another team's version", async () => {
    const [own, other] = [await makeBench(), await makeBench()];
    await expect(create(own.ctx, other.versionId)).rejects.toThrow("no such version");
    expect(await own.ctx.db.$count(dataset, eq(dataset.teamId, own.ctx.teamId))).toBe(0);
  });
});
