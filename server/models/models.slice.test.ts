import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { and, eq } from "drizzle-orm";
import { describe, expect, it } from "vitest";
import { evaluation, version } from "../../db/schema/models";
import { upload } from "../../db/schema/platform";
import { run, runArtifact } from "../../db/schema/runs";
import type { DatasetReport } from "../datasets/contract";
import { makeEngineer } from "../identity/testing";
import { adoptFile, registerBlob } from "../platform/blobs";
import type { TeamContext } from "../platform/context";
import { newId } from "../platform/ids";
import { testConsole } from "../platform/testing/console";
import { toRun } from "../runs/records";
import { queue } from "../runs/testing";
import { tracked } from "../runs/tracking/service";
import { createVersionFromRun, finishEvaluation, finishInspection } from "./from-run";
import * as service from "./service";
import { evaluationResult, inspection } from "./testing/examples";

const connection = testConsole();
const makeTeam = (): Promise<TeamContext> => makeEngineer(connection.db);

/** A finished upload, as the tus server leaves it. */
async function uploaded(ctx: TeamContext, purpose = "model"): Promise<string> {
  const found = await stored(ctx);
  const id = newId("upl");
  await ctx.db.insert(upload).values({
    id,
    teamId: ctx.teamId,
    purpose,
    filename: "parcels.onnx",
    bytes: found.bytes,
    createdBy: ctx.actor.id,
    sha256: found.sha256,
    finishedAt: new Date(),
  });
  return id;
}

const isNew = (name: string) => ({ is: "new" as const, name, task: "classification" });
const runOf = async (ctx: TeamContext, versionId: string, kind: "inspect_model" | "evaluate") => {
  const rows = await ctx.db.select().from(run).where(eq(run.versionId, versionId));
  const found = rows.find((r) => r.kind === kind);
  if (!found) throw new Error(`no ${kind} run of ${versionId}`);
  return toRun(found);
};
const finish = (
  ctx: TeamContext,
  ...args: Parameters<typeof finishInspection> extends [unknown, ...infer R] ? R : never
) => ctx.db.transaction((tx) => finishInspection(tx, ...args));

/** A version that passed its inspection. */
async function readyVersion(ctx: TeamContext, name: string) {
  const created = await service.createFromUpload(ctx, {
    uploadId: await uploaded(ctx),
    model: isNew(name),
    note: "",
  });
  await finish(ctx, await runOf(ctx, created.versionId, "inspect_model"), {
    state: "succeeded",
    result: { kind: "inspect_model", inspection, refusal: null },
  });
  return created;
}

describe("a version from what a script logged", () => {
  it("is inspected like a stranger's file, and says which run logged it", async () => {
    const ctx = await makeTeam();
    const logged = await queue(ctx);
    const file = await stored(ctx);
    const path = "models/m-1/artifacts/model.onnx";
    await ctx.db.insert(runArtifact).values({ teamId: ctx.teamId, runId: logged.id, path, ...file });
    const input = { run: logged.number, path, model: isNew("parcels"), note: "" };
    const made = await service.createFromArtifact(ctx, input);
    const page = await service.versionPage(ctx, { model: "parcels", number: 1 });
    expect(page.version).toMatchObject({
      state: "inspecting",
      origin: "script",
      digest: file.sha256,
      filename: "model.onnx",
      provenance: { loggedBy: logged.number, artifact: path },
    });
    expect((await runOf(ctx, made.versionId, "inspect_model")).spec).toMatchObject({ blob: file.sha256 });
    expect((await tracked(ctx, logged.number)).artifacts).toMatchObject([
      { path, version: { model: "parcels", number: 1 } },
    ]);
    await expect(service.createFromArtifact(ctx, { ...input, path: "model.onnx" })).rejects.toThrow(
      "no artifact model.onnx",
    );
    await expect(service.createFromArtifact(await makeTeam(), input)).rejects.toThrow("no run");
  });
});

describe("a version from an upload", () => {
  it("is being inspected until its run has looked, and takes what the run found", async () => {
    const ctx = await makeTeam();
    const created = await service.createFromUpload(ctx, {
      uploadId: await uploaded(ctx),
      model: isNew("parcels"),
      note: "",
    });
    const page = () => service.versionPage(ctx, { model: "parcels", number: 1 });
    expect((await page()).version.state).toBe("inspecting");
    await expect(service.versionForWork(ctx.db, ctx.teamId, created.versionId)).rejects.toThrow("inspecting");

    await finish(ctx, await runOf(ctx, created.versionId, "inspect_model"), {
      state: "succeeded",
      result: { kind: "inspect_model", inspection, refusal: null },
    });
    const { version: ready } = await page();
    expect([ready.state, ready.tier, ready.sizes?.file]).toEqual(["ready", 1, inspection.sizes.file]);
  });

  it("is kept out when the sandbox refuses it, with the rule, the place and the remedy", async () => {
    const ctx = await makeTeam();
    const refusal = {
      rule: "no_pickle",
      message: "It is a pickle.",
      where: "byte 0",
      remedy: "Export ONNX.",
    };
    const created = await service.createFromUpload(ctx, {
      uploadId: await uploaded(ctx),
      model: isNew("hostile"),
      note: "",
    });
    await finish(ctx, await runOf(ctx, created.versionId, "inspect_model"), {
      state: "succeeded",
      result: { kind: "inspect_model", inspection: null, refusal },
    });
    expect((await service.versionPage(ctx, { model: "hostile", number: 1 })).version).toMatchObject({
      state: "refused",
      refusal,
    });
    await expect(service.versionForWork(ctx.db, ctx.teamId, created.versionId)).rejects.toThrow("refused");
    await expect(service.openDownload(ctx, created.versionId)).rejects.toThrow("refused");
  });

  it("says that nobody looked when the inspection failed, and never changes its mind afterwards", async () => {
    const ctx = await makeTeam();
    const created = await service.createFromUpload(ctx, {
      uploadId: await uploaded(ctx),
      model: isNew("lost"),
      note: "",
    });
    const inspecting = await runOf(ctx, created.versionId, "inspect_model");
    await finish(ctx, inspecting, { state: "failed", cause: null });
    await finish(ctx, inspecting, {
      state: "succeeded",
      result: { kind: "inspect_model", inspection, refusal: null },
    });
    expect((await service.versionPage(ctx, { model: "lost", number: 1 })).version.state).toBe("failed");
  });

  it("takes only a finished model upload of the very person and team", async () => {
    const [ctx, stranger] = [await makeTeam(), await makeTeam()];
    const uploadId = await uploaded(ctx);
    const input = { model: isNew("mine"), note: "" };
    await expect(service.createFromUpload(stranger, { ...input, uploadId })).rejects.toThrow("not yours");
    const dataset = await uploaded(ctx, "dataset");
    await expect(service.createFromUpload(ctx, { ...input, uploadId: dataset })).rejects.toThrow("not yours");
    await ctx.db.update(upload).set({ finishedAt: null, sha256: null }).where(eq(upload.id, uploadId));
    await expect(service.createFromUpload(ctx, { ...input, uploadId })).rejects.toThrow("not finished");
    expect((await service.list(ctx, { query: "", limit: 10 })).models).toEqual([]);
  });

  it("leaves nothing half-made when its name is taken", async () => {
    const ctx = await makeTeam();
    await readyVersion(ctx, "taken");
    const uploadId = await uploaded(ctx);
    await expect(
      service.createFromUpload(ctx, { uploadId, model: isNew("taken"), note: "" }),
    ).rejects.toThrow("already a model");
    expect((await service.list(ctx, { query: "", limit: 10 })).total).toEqual({ models: 1, versions: 1 });
  });
});

describe("teams", () => {
  it("see and touch nothing of each other", async () => {
    const [ctx, stranger] = [await makeTeam(), await makeTeam()];
    const { versionId, modelId } = await readyVersion(ctx, "private");
    expect((await service.list(stranger, { query: "private", limit: 10 })).models).toEqual([]);
    await expect(service.page(stranger, "private")).rejects.toThrow("no model");
    await expect(service.versionPage(stranger, { model: "private", number: 1 })).rejects.toThrow(
      "There is no",
    );
    await expect(service.versionForWork(stranger.db, stranger.teamId, versionId)).rejects.toThrow(
      "no such version",
    );
    await expect(service.openDownload(stranger, versionId)).rejects.toThrow("no such version");
    const uploadId = await uploaded(stranger);
    await expect(
      service.createFromUpload(stranger, { uploadId, model: { is: "existing", modelId }, note: "" }),
    ).rejects.toThrow("no such model");
    await expect(
      service.evaluate(stranger, { versionId, datasetId: newId("ds"), baselineVersionId: null }),
    ).rejects.toThrow("no such version");
  });
});

describe("the list", () => {
  it("comes in pages that hold each model once, last changed first", async () => {
    const ctx = await makeTeam();
    for (const name of ["alpha", "beta", "gamma", "delta", "epsilon"]) await readyVersion(ctx, name);
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const page = await service.list(ctx, { query: "", cursor, limit: 2 });
      seen.push(...page.models.map((m) => m.name));
      cursor = page.nextCursor;
    } while (cursor);
    expect(seen).toEqual(["epsilon", "delta", "gamma", "beta", "alpha"]);
    expect((await service.list(ctx, { query: "MM", limit: 10 })).models.map((m) => m.name)).toEqual([
      "gamma",
    ]);
    expect((await service.list(ctx, { query: "100%", limit: 10 })).models).toEqual([]);
  });
});

describe("what runs make", () => {
  it("is an immutable child with lineage, recipe and an evaluation against its parent", async () => {
    const ctx = await makeTeam();
    const parent = await readyVersion(ctx, "garments");
    const datasetId = await readyDataset(ctx);
    const blobs = await Promise.all([0, 1].map(() => stored(ctx)));
    const [model, float] = blobs;
    if (!model || !float) throw new Error("no blobs");
    const done = await evaluateRun(ctx, parent.versionId, datasetId);
    const made = await ctx.db.transaction((tx) =>
      createVersionFromRun(tx, done, {
        modelId: parent.modelId,
        parentId: parent.versionId,
        datasetId,
        origin: "compress",
        // A quantized file is tier 4 itself; its version can what the fp32 graph behind it can.
        artifacts: {
          model,
          float,
          inspection: { ...inspection, tier: 4 },
          sizes: inspection.sizes,
          evaluation: evaluationResult,
        },
        recipe: {
          kind: "compress",
          recipe: { channels: 0.25, sparsity: 0, precision: "int8" },
          achieved: { channels: 0.25, sparsity: 0 },
          digest: "ab".repeat(32),
        },
        note: "quarter of the channels",
        provenance: {},
      }),
    );
    const page = await service.versionPage(ctx, { model: "garments", number: made.number });
    expect(page.lineage.map((v) => [v.number, v.toParent])).toEqual([
      [1, null],
      [2, expect.objectContaining({ difference: -0.002, task: "classification" })],
    ]);
    expect(page.version).toMatchObject({
      state: "ready",
      tier: 1,
      digest: model.sha256,
      floatDigest: float.sha256,
    });
    expect(page.evaluations[0]).toMatchObject({
      baselineVersionId: parent.versionId,
      result: { accuracy: 0.915 },
    });
    const change = (set: Partial<typeof version.$inferInsert>) =>
      ctx.db.update(version).set(set).where(eq(version.id, made.versionId));
    await expect(change({ digest: parentDigest(page) })).rejects.toThrow();
    await expect(change({ parentId: null })).rejects.toThrow();
    await expect(change({ recipe: null })).rejects.toThrow();
  });

  it("keeps every evaluation with a digest that equal evidence shares", async () => {
    const ctx = await makeTeam();
    const { versionId } = await readyVersion(ctx, "measured");
    const datasetId = await readyDataset(ctx);
    for (const _ of [1, 2]) {
      const done = await evaluateRun(ctx, versionId, datasetId);
      await ctx.db.transaction((tx) =>
        finishEvaluation(tx, done, {
          state: "succeeded",
          result: { kind: "evaluate", evaluation: evaluationResult, baseline: null },
        }),
      );
    }
    const failed = await evaluateRun(ctx, versionId, datasetId);
    await ctx.db.transaction((tx) => finishEvaluation(tx, failed, { state: "failed", cause: null }));
    const rows = await ctx.db.select().from(evaluation).where(eq(evaluation.versionId, versionId));
    expect(rows).toHaveLength(2);
    expect(new Set(rows.map((r) => r.digest)).size).toBe(1);
    const listed = await service.list(ctx, { query: "", limit: 10 });
    expect(listed.models[0]?.measured?.accuracy).toBe(0.915);
  });

  it("is not started where the samples do not fit the model", async () => {
    const ctx = await makeTeam();
    const { versionId } = await readyVersion(ctx, "square");
    const datasetId = await readyDataset(ctx, [1, 20, 20]);
    await expect(service.evaluate(ctx, { versionId, datasetId, baselineVersionId: null })).rejects.toThrow(
      "takes 1×28×28, but samples",
    );
  });

  it("is offered only datasets that fit, first the one it was last measured on", async () => {
    const ctx = await makeTeam();
    const { versionId } = await readyVersion(ctx, "choosy");
    const [measuredOn, newer] = [await readyDataset(ctx), await readyDataset(ctx)];
    await readyDataset(ctx, [1, 20, 20]);
    await readyDataset(ctx, [1, 28, 28], { task: "regression", labelShape: [2], classes: [] });
    const tokens = { task: "tokens" as const, labelShape: [12] };
    await readyDataset(ctx, [1, 28, 28], tokens);
    const offered = async () => {
      const work = await service.versionForWork(ctx.db, ctx.teamId, versionId);
      return (await service.datasetsFor(ctx.db, ctx.teamId, work)).map((d) => d.id);
    };
    expect(await offered()).toEqual([newer, measuredOn]);
    const done = await evaluateRun(ctx, versionId, measuredOn);
    const result = { kind: "evaluate" as const, evaluation: evaluationResult, baseline: null };
    await ctx.db.transaction((tx) => finishEvaluation(tx, done, { state: "succeeded", result }));
    expect(await offered()).toEqual([measuredOn, newer]);
  });

  it("is refused a dataset of other shape or more classes at once, with both named, and starts nothing", async () => {
    const ctx = await makeTeam();
    const { versionId } = await readyVersion(ctx, "strict");
    const columns = { mapping: { label: "y", features: ["a", "b", "c"], standardise: true, slice: null } };
    const table = await readyDataset(ctx, [3], { table: { columns: [], rows: [], ...columns } });
    const classes = Array.from({ length: 11 }, (_, label) => ({ label, train: 5, test: 1 }));
    const many = await readyDataset(ctx, [1, 28, 28], { classes });
    await expect(evaluateRun(ctx, versionId, table)).rejects.toThrow(/takes 1×28×28, .* are 3 \(a, b, c\)/);
    await expect(evaluateRun(ctx, versionId, many)).rejects.toThrow("tells 10 classes apart");
    expect(await ctx.db.$count(run, and(eq(run.teamId, ctx.teamId), eq(run.kind, "evaluate")))).toBe(0);
  });

  it("is refused labels that it has no answer for, and a dataset without labels unless it is compared", async () => {
    const ctx = await makeTeam();
    const { versionId } = await readyVersion(ctx, "asked");
    const shape = [1, 28, 28];
    const numbers = await readyDataset(ctx, shape, { task: "regression", labelShape: [2], classes: [] });
    const tokens = await readyDataset(ctx, shape, { task: "tokens", labelShape: [12] });
    const labels = await readyDataset(ctx, shape, { task: "multilabel", labelShape: [10] });
    const bare = await readyDataset(ctx, shape, { task: "unlabelled", classes: [] });
    await expect(evaluateRun(ctx, versionId, numbers)).rejects.toThrow(/answers 10 for a sample.*2 values/);
    await expect(evaluateRun(ctx, versionId, tokens)).rejects.toThrow("12 tokens of 2 classes");
    await expect(evaluateRun(ctx, versionId, bare)).rejects.toThrow("can only be compared");
    const done = await evaluateRun(ctx, versionId, labels);
    const [started] = await ctx.db.select().from(run).where(eq(run.id, done.id));
    expect(started?.spec).toMatchObject({ dataset: { task: "multilabel" } });
    const graded = {
      ...evaluationResult,
      task: "multilabel" as const,
      correctness: null,
      scores: "ab".repeat(32),
    };
    const result = { kind: "evaluate" as const, evaluation: graded, baseline: null };
    await ctx.db.transaction((tx) => finishEvaluation(tx, done, { state: "succeeded", result }));
    const listed = await service.list(ctx, { query: "asked", limit: 10 });
    expect(listed.models[0]?.measured?.task).toBe("multilabel");
    const compared = { versionId, datasetId: bare, baselineVersionId: versionId };
    expect((await service.evaluate(ctx, compared)).number).toBeGreaterThan(0);
  });

  it("is named by the datasets that its newest version fits, to its own team", async () => {
    const [ctx, stranger] = [await makeTeam(), await makeTeam()];
    await readyVersion(ctx, "fitting");
    await readyVersion(stranger, "foreign");
    const [fits, not] = [await readyDataset(ctx, [28, 28]), await readyDataset(ctx, [20, 20])];
    expect(await service.versionsFitting(ctx.db, ctx.teamId, fits)).toMatchObject([
      { model: "fitting", number: 1 },
    ]);
    expect(await service.versionsFitting(ctx.db, ctx.teamId, not)).toEqual([]);
    await expect(service.versionsFitting(stranger.db, stranger.teamId, fits)).rejects.toThrow(
      "no such dataset",
    );
  });
});

const parentDigest = (page: Awaited<ReturnType<typeof service.versionPage>>): string =>
  page.lineage[0]?.digest ?? "";

/** Bytes of their own in the blob store. */
async function stored(ctx: TeamContext): Promise<{ sha256: string; bytes: number }> {
  const path = join(connection.home, newId("tmp"));
  await writeFile(path, randomBytes(64));
  const found = await adoptFile(path);
  await registerBlob(ctx.db, ctx.teamId, found);
  return found;
}

async function readyDataset(
  ctx: TeamContext,
  shape = [1, 28, 28],
  found: Partial<DatasetReport> = {},
): Promise<string> {
  const { insertReadyDataset } = await import("../datasets/testing/examples");
  return insertReadyDataset(ctx, shape, await stored(ctx), found);
}

async function evaluateRun(ctx: TeamContext, versionId: string, datasetId: string) {
  const { id } = await service.evaluate(ctx, { versionId, datasetId, baselineVersionId: null });
  const [row] = await ctx.db.select().from(run).where(eq(run.id, id));
  if (!row) throw new Error("the run is gone");
  return toRun(row);
}
