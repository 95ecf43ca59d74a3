/** Launching from a version: what each mode asks the workers for, and what the row and the audit log keep. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eq, inArray } from "drizzle-orm";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { model, version } from "../../db/schema/models";
import { run } from "../../db/schema/runs";
import { insertReadyDataset } from "../datasets/testing/examples";
import { makeEngineer } from "../identity/testing";
import { inspection } from "../models/testing/examples";
import { adoptFile, registerBlob } from "../platform/blobs";
import type { TeamContext } from "../platform/context";
import { database, pool } from "../platform/db";
import { newId } from "../platform/ids";
import { createTestDatabase, type TestDatabase } from "../platform/testing/postgres";
import { TrainSpec } from "../runs/contract";
import { LAUNCH_DEFAULTS, LaunchInput } from "./contract";
import { launch, launchSweep } from "./service";
import { combinations } from "./sweep";

let test: TestDatabase;
let home: string;
let ctx: TeamContext;

beforeAll(async () => {
  test = await createTestDatabase(inject("postgresUrl"));
  home = await mkdtemp(join(tmpdir(), "lathe-launch-"));
  Object.assign(process.env, { DATABASE_URL: test.url, LATHE_HOME: home, LATHE_POOL_MAX: "3" });
  ctx = await makeEngineer(database());
});
afterAll(async () => {
  await pool().end();
  await test.drop();
  await rm(home, { recursive: true, force: true });
});

async function stored() {
  const path = join(home, newId("tmp"));
  await writeFile(path, newId("tmp"));
  const found = await adoptFile(path);
  await registerBlob(ctx.db, ctx.teamId, found);
  return found;
}

/** An uploaded version and a child of it, of different bytes. */
async function makeModel() {
  const modelId = newId("mdl");
  await ctx.db.insert(model).values({ id: modelId, teamId: ctx.teamId, name: modelId, nextNumber: 3 });
  const ids = [newId("ver"), newId("ver")] as const;
  const files = [await stored(), await stored()] as const;
  for (const [index, id] of ids.entries()) {
    const file = files[index === 0 ? 0 : 1];
    await ctx.db.insert(version).values({
      id,
      teamId: ctx.teamId,
      modelId,
      number: index + 1,
      digest: file.sha256,
      floatDigest: file.sha256,
      bytes: file.bytes,
      filename: "model.onnx",
      state: "ready",
      origin: "upload",
      tier: 1,
      parentId: index > 0 ? ids[0] : null,
      inspection,
      sizes: inspection.sizes,
    });
  }
  const [root, child] = files;
  return { versionId: ids[1], rootId: ids[0], root, child };
}

async function launched(over: object) {
  const made = await makeModel();
  const datasetId = await insertReadyDataset(ctx, [1, 28, 28], await stored());
  const input = { ...LAUNCH_DEFAULTS, versionId: made.versionId, datasetId, ...over };
  const { id } = await launch(ctx, LaunchInput.parse(input));
  const [row] = await ctx.db.select().from(run).where(eq(run.id, id));
  if (!row) throw new Error("the run is not stored");
  return { ...made, row, spec: TrainSpec.parse(row.spec) };
}

it("recovers from the root, with masks kept", async () => {
  const { spec, root, child, row, rootId } = await launched({ mode: "recover" });
  expect(spec.init).toEqual({ from: "version", blob: child.sha256, weights: "kept" });
  expect(spec.teacher?.blob).toBe(root.sha256);
  expect(spec).toMatchObject({ keepMasks: true, baseline: root.sha256 });
  expect(row).toMatchObject({ maxAttempts: 5, intent: { baselineVersionId: rootId } });
});

it("trains from scratch without a teacher or masks, judged against the version itself", async () => {
  const { spec, child, row, versionId } = await launched({ mode: "from_scratch", attempts: 2 });
  expect(spec.init).toEqual({ from: "version", blob: child.sha256, weights: "fresh" });
  expect(spec).toMatchObject({ teacher: null, keepMasks: false, baseline: child.sha256 });
  expect(row).toMatchObject({ maxAttempts: 2, intent: { baselineVersionId: versionId } });
  expect(row.title).toMatch(/^Train from scratch /);
});

it("launches every run of a sweep under a name of its own, or none of them", async () => {
  const made = await makeModel();
  const datasetId = await insertReadyDataset(ctx, [1, 28, 28], await stored());
  const base = { ...LAUNCH_DEFAULTS, versionId: made.versionId, datasetId };
  const launches = combinations({ epochs: "1", globalBatch: "256", lr: "0.1, 0.01", seed: "3" }).map(
    (setting) => LaunchInput.parse({ ...base, ...setting }),
  );
  const { numbers } = await launchSweep(ctx, launches);
  const rows = await ctx.db.select().from(run).where(inArray(run.number, numbers)).orderBy(run.number);
  expect(rows.map(({ title }) => title.replace(/^.* v2, /, ""))).toEqual(["lr 0.1", "lr 0.01"]);
  expect(rows.map(({ spec }) => TrainSpec.parse(spec).hyper)).toMatchObject([
    { lr: 0.1, seed: 3 },
    { lr: 0.01, seed: 3 },
  ]);
  const before = await ctx.db.$count(run);
  const [first] = launches;
  if (!first) throw new Error("nothing is launched");
  await expect(launchSweep(ctx, [first, { ...first, workers: 8 }])).rejects.toThrow("never holds");
  expect(await ctx.db.$count(run)).toBe(before);
});

it("refuses workers that the cluster can never hold, names the field, and leaves nothing behind", async () => {
  const count = () => ctx.db.$count(run);
  const before = await count();
  const refusal = launched({ workers: 8 });
  await expect(refusal).rejects.toThrow("never holds more than 3 such workers");
  await expect(refusal).rejects.toMatchObject({ details: { code: "never_fits", field: "workers" } });
  await expect(launched({ workers: 8, minWorkers: 4 })).rejects.toThrow("never holds more than 3");
  expect(await count()).toBe(before);
});

it("takes an elastic run whose minimum the cluster holds, and refuses one above its most", async () => {
  const { row } = await launched({ workers: 8, minWorkers: 3 });
  expect(row.resources).toMatchObject({ minWorkers: 3, workers: 8 });
  await expect(launched({ workers: 2, minWorkers: 3 })).rejects.toThrow("at most 2, as many as its workers");
});

it("hands every hyper-parameter on", async () => {
  const hyper = {
    optimizer: "sgd",
    weightDecay: 0.01,
    clipNorm: 1,
    schedule: "linear",
    warmupFraction: 0.1,
    augment: true,
    accumulate: 4,
    compute: "bf16",
    onDivergence: "lower_rate",
    lowerRateFactor: 0.25,
    lowerRateTimes: 2,
    stallSeconds: 90,
    keepLast: 2,
    keepEverySteps: 500,
  };
  const { spec } = await launched({ mode: "fine_tune", ...hyper });
  expect(spec.hyper).toMatchObject(hyper);
});
