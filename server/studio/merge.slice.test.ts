import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eq } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { model, version } from "../../db/schema/models";
import { run } from "../../db/schema/runs";
import { studioMeasurement } from "../../db/schema/studio";
import { insertReadyDataset } from "../datasets/testing/examples";
import { makeEngineer } from "../identity/testing";
import { versionPage } from "../models/service";
import { inspection } from "../models/testing/examples";
import { database, pool } from "../platform/db";
import { newId } from "../platform/ids";
import { createTestDatabase, type TestDatabase } from "../platform/testing/postgres";
import { type Merge, Settings } from "./contract";
import { mergePartners, resolveMerge } from "./merge";
import { findMeasurement } from "./repo";
import * as service from "./service";
import { storedBlob, succeedCommit } from "./testing";

let test: TestDatabase;
let home: string;

beforeAll(async () => {
  test = await createTestDatabase(inject("postgresUrl"));
  home = await mkdtemp(join(tmpdir(), "lathe-merge-"));
  await mkdir(join(home, "secrets"));
  await writeFile(join(home, "secrets", "server.key"), randomBytes(32).toString("hex"), { mode: 0o600 });
  Object.assign(process.env, { DATABASE_URL: test.url, LATHE_HOME: home });
});
afterAll(async () => {
  await pool().end();
  await test.drop();
  await rm(home, { recursive: true, force: true });
});

type Row = Partial<typeof version.$inferInsert> & { parent?: number };

/** A model whose versions come out of one another by number: v1 is an upload, v2 and v3 its fine-tunes. */
async function makeFamily(rows: Row[] = [{}, { parent: 1 }, { parent: 1 }]) {
  const db = database();
  const ctx = await makeEngineer(db);
  const { teamId } = ctx;
  const modelId = newId("mdl");
  await db.insert(model).values({ id: modelId, teamId, name: "parcels", nextNumber: rows.length + 1 });
  const ids: string[] = [];
  const digests: string[] = [];
  for (const [place, { parent, ...over }] of rows.entries()) {
    const [blob, float] = [await storedBlob(ctx), await storedBlob(ctx)];
    const id = newId("ver");
    await db.insert(version).values({
      id,
      teamId,
      modelId,
      number: place + 1,
      digest: blob.sha256,
      floatDigest: float.sha256,
      bytes: blob.bytes,
      filename: "parcels.onnx",
      state: "ready",
      origin: parent ? "train" : "upload",
      parentId: parent ? (ids[parent - 1] ?? null) : null,
      tier: 1,
      inspection,
      sizes: inspection.sizes,
      ...over,
    });
    ids.push(id);
    digests.push(float.sha256);
  }
  const datasetId = await insertReadyDataset(ctx, [1, 28, 28], await storedBlob(ctx));
  const id = (number: number) => ids[number - 1] ?? "";
  return { ctx, datasetId, id, float: (number: number) => digests[number - 1] };
}

const merge = (partner: number, over: Partial<Merge> = {}): Merge => ({
  partner,
  method: "soup",
  weight: 0.5,
  density: 0.2,
  scale: 1,
  parents: null,
  ...over,
});
const pruned = { ...inspection, layers: inspection.layers.map((l) => ({ ...l, shape: [8, 1, 3, 3] })) };

describe("a merge", () => {
  it("joins fp32 graphs by digest, the ancestor's only for the methods that start from it", async () => {
    const { ctx, id, float } = await makeFamily();
    const resolve = (of: Merge) => resolveMerge(ctx.db, ctx.teamId, id(2), of);
    expect(await resolve(merge(3))).toEqual({
      partnerId: id(3),
      parents: { partner: float(3), ancestor: null },
    });
    expect((await resolve(merge(3, { method: "ties" }))).parents).toEqual({
      partner: float(3),
      ancestor: float(1),
    });
  });

  it("is refused with itself, a stranger, other shapes, what is not ready and what is not there", async () => {
    const { ctx, id } = await makeFamily([
      {},
      { parent: 1 },
      {},
      { parent: 1, inspection: pruned },
      { parent: 1, state: "inspecting" },
    ]);
    const refused = (partner: number) =>
      expect(resolveMerge(ctx.db, ctx.teamId, id(2), merge(partner))).rejects;
    await refused(2).toMatchObject({ kind: "invalid", code: "merge_itself" });
    await refused(3).toThrow("v2 goes back to v1 and v3 to v3: they share no ancestor.");
    await refused(4).toThrow("conv1 is 16×1×3×3 in v2 and 8×1×3×3 in v4");
    await refused(5).toThrow("v5 is inspecting");
    await refused(9).toMatchObject({ kind: "not_found" });
    expect(
      (await mergePartners(ctx, { versionId: id(2), datasetId: "dat" })).map((p) => [p.number, p.reason]),
    ).toEqual([
      [5, "v5 is inspecting."],
      [4, expect.stringContaining("other shapes")],
      [3, expect.stringContaining("share no ancestor")],
      [1, null],
    ]);
  });

  it("from an ancestor of other shapes is refused where the method needs it, and only there", async () => {
    const { ctx, id, float } = await makeFamily([
      {},
      { parent: 1, inspection: pruned },
      { parent: 1, inspection: pruned },
    ]);
    const resolve = (of: Merge) => resolveMerge(ctx.db, ctx.teamId, id(2), of);
    await expect(resolve(merge(3, { method: "arithmetic" }))).rejects.toThrow(
      "shared ancestor has other shapes",
    );
    expect((await resolve(merge(3))).parents.partner).toBe(float(3));
  });

  it("is nobody's of another team", async () => {
    const [{ id, datasetId }, { ctx: stranger }] = [await makeFamily(), await makeFamily()];
    await expect(resolveMerge(stranger.db, stranger.teamId, id(2), merge(3))).rejects.toThrow(
      "no such version",
    );
    await expect(mergePartners(stranger, { versionId: id(2), datasetId })).rejects.toThrow("no such version");
    const settings = Settings.parse({ merge: merge(3) });
    await expect(
      service.commit(stranger, { versionId: id(2), datasetId, settings, note: "" }),
    ).rejects.toThrow("no such version");
  });

  it("that is committed makes a version whose recipe and lineage hold both parents", async () => {
    const { ctx, id, datasetId, float } = await makeFamily();
    const settings = Settings.parse({ merge: merge(3, { method: "slerp", weight: 0.25 }), sparsity: 0.4 });
    const { id: runId } = await service.commit(ctx, { versionId: id(2), datasetId, settings, note: "both" });
    const [started] = await ctx.db.select().from(run).where(eq(run.id, runId));
    if (!started) throw new Error("no run");
    expect(started.title).toBe("Commit parcels v2: slerp with 25% of v3, sparsity 40%");
    expect(started.spec).toMatchObject({
      parentFloat: float(2),
      recipe: { ...settings, merge: { ...settings.merge, parents: { partner: float(3), ancestor: null } } },
    });
    await succeedCommit(ctx, started);
    const page = await versionPage(ctx, { model: "parcels", number: 4 });
    expect(page.version).toMatchObject({ parentId: id(2), mergedWithId: id(3), note: "both" });
    expect(page.version.madeBy).toMatchObject({ recipe: { merge: { partner: 3, method: "slerp" } } });
    expect(page.lineage.map((v) => [v.number, v.mergedWithNumber])).toEqual([
      [1, null],
      [2, null],
      [4, 3],
    ]);
    const partners = await mergePartners(ctx, { versionId: id(2), datasetId });
    expect(partners.map((p) => [p.number, p.accuracy])).toEqual([
      [4, 0.915],
      [3, null],
      [1, null],
    ]);
    // A merge of the merge with its second parent has that one as its ancestor.
    const again = await resolveMerge(ctx.db, ctx.teamId, page.version.id, merge(3, { method: "ties" }));
    expect(again.parents.ancestor).toBe(float(3));
    await expect(
      ctx.db.update(version).set({ mergedWithId: null }).where(eq(version.id, page.version.id)),
    ).rejects.toThrow();
  });

  it("at weight 0 changes nothing, and is not committed", async () => {
    const { ctx, id, datasetId } = await makeFamily();
    const settings = Settings.parse({ merge: merge(3, { weight: 0 }) });
    await expect(service.commit(ctx, { versionId: id(2), datasetId, settings, note: "" })).rejects.toThrow(
      "change nothing",
    );
  });
});

it("settings that were measured before a dial there is now are found as they are read", async () => {
  const { ctx, id, datasetId } = await makeFamily();
  const { sessionId } = await service.openSession(ctx, { versionId: id(2), datasetId });
  const { merge: _, ...before } = Settings.parse({ sparsity: 0.5, allocation: "uniform" });
  await ctx.db.insert(studioMeasurement).values({
    id: newId("mea"),
    teamId: ctx.teamId,
    versionId: id(2),
    datasetId,
    sessionId,
    rev: 1,
    settings: before,
    measured: {},
    n: 1,
    createdBy: ctx.actor.id,
  });
  const find = (settings: Settings) => findMeasurement(ctx.db, ctx.teamId, id(2), datasetId, settings);
  expect(await find(Settings.parse(before))).toMatchObject({ rev: 1 });
  expect(await find(Settings.parse({ ...before, merge: merge(3) }))).toBeUndefined();
});
