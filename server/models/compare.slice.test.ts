import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eq } from "drizzle-orm";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { connect } from "../../db/client";
import { evaluation, model, version } from "../../db/schema/models";
import { insertReadyDataset } from "../datasets/testing/examples";
import { makeEngineer } from "../identity/testing";
import { adoptFile, blobPath, registerBlob } from "../platform/blobs";
import type { TeamContext } from "../platform/context";
import { newId } from "../platform/ids";
import { createTestDatabase, type TestDatabase } from "../platform/testing/postgres";
import { compare } from "./compare";
import { Compare, EvaluationResult, Inspection } from "./contract";
import { evaluationResult, inspection } from "./testing/examples";

let database: TestDatabase;
let home: string;
let connection: ReturnType<typeof connect>;

beforeAll(async () => {
  database = await createTestDatabase(inject("postgresUrl"));
  home = await mkdtemp(join(tmpdir(), "lathe-compare-"));
  process.env.LATHE_HOME = home;
  process.env.DATABASE_URL = database.url;
  connection = connect(database.url);
});
afterAll(async () => {
  await connection.pool.end();
  await database.drop();
  await rm(home, { recursive: true, force: true });
});

const makeTeam = (): Promise<TeamContext> => makeEngineer(connection.db);

async function stored(ctx: TeamContext, content: Buffer) {
  const path = join(home, newId("tmp"));
  await writeFile(path, content);
  const found = await adoptFile(path);
  await registerBlob(ctx.db, ctx.teamId, found);
  return found;
}

const int32 = (values: readonly number[]) => {
  const buffer = Buffer.alloc(values.length * 4);
  for (const [i, value] of values.entries()) buffer.writeInt32LE(value, i * 4);
  return buffer;
};

/** A model of three versions, all labels 0, measured on one dataset: v1 and v2 with their answers, v3 as of old. */
async function makeModel(ctx: TeamContext, name = "garments") {
  const { db, teamId } = ctx;
  const file = await stored(ctx, Buffer.from(newId("tmp")));
  const datasetId = await insertReadyDataset(ctx, [1, 28, 28], file);
  const modelId = newId("mdl");
  await db.insert(model).values({ id: modelId, teamId, name, nextNumber: 4 });
  const answers = [
    [0, 0, 0, 1, 1, 1],
    [0, 0, 1, 0, 0, 2],
    [0, 0, 0, 0, 0, 2],
  ];
  const ids = answers.map(() => newId("ver"));
  for (const [index, given] of answers.entries()) {
    const id = ids[index] ?? "";
    const isOld = index === 2;
    await db.insert(version).values({
      id,
      teamId,
      modelId,
      number: index + 1,
      digest: file.sha256,
      floatDigest: file.sha256,
      bytes: file.bytes,
      filename: "model.onnx",
      state: "ready",
      origin: "upload",
      tier: 1,
      parentId: index > 0 ? (ids[0] ?? null) : null,
      inspection,
      sizes: inspection.sizes,
    });
    const right = given.map((answer) => Number(answer === 0));
    const correct = right.filter(Boolean).length;
    const result = {
      ...evaluationResult,
      n: given.length,
      correct,
      accuracy: correct / given.length,
      predictions: (await stored(ctx, int32(given))).sha256,
      correctness: isOld ? undefined : (await stored(ctx, Buffer.from(right))).sha256,
      layerTimes: isOld ? undefined : null,
      paired: isOld ? evaluationResult.paired : null,
    };
    await db.insert(evaluation).values({
      id: newId("evl"),
      teamId,
      versionId: id,
      datasetId,
      baselineVersionId: isOld ? (ids[0] ?? null) : null,
      runId: newId("run"),
      accuracy: result.accuracy,
      n: result.n,
      result,
      digest: "ab".repeat(32),
    });
  }
  return { datasetId, ids };
}

const asked = (input: Partial<Compare> & { versions: number[] }) =>
  Compare.parse({ model: "garments", ...input });

it("pairs any two versions exactly, from the answers that their evaluations kept", async () => {
  const ctx = await makeTeam();
  const { datasetId } = await makeModel(ctx);
  const found = await compare(ctx, asked({ versions: [2, 1] }));
  expect([found.baseline, found.dataset?.id, found.dataset?.versions]).toEqual([1, datasetId, 2]);
  expect(found.versions.map((v) => v.number)).toEqual([1, 2]);
  expect(found.versions.map((v) => v.parentNumber)).toEqual([null, 1]);
  expect(found.versions[0]?.pair).toBeNull();
  expect(found.versions[1]?.pair).toMatchObject({
    from: "answers",
    paired: { n: 6, gained: 2, lost: 1, difference: 1 / 6 },
    agreement: { n: 6, same: 2 },
    reason: null,
  });
  const turned = await compare(ctx, asked({ versions: [1, 2], baseline: 2 }));
  expect(turned.versions[0]?.pair?.paired).toMatchObject({ gained: 1, lost: 2 });
});

it("shows of an older evaluation what was measured then, and how far the answers agree", async () => {
  const ctx = await makeTeam();
  await makeModel(ctx);
  const toParent = await compare(ctx, asked({ versions: [1, 3] }));
  expect(toParent.versions[1]?.pair).toMatchObject({
    from: "measured",
    paired: evaluationResult.paired,
    agreement: { n: 6, same: 3 },
  });
  const toOther = await compare(ctx, asked({ versions: [2, 3] }));
  expect(toOther.versions[1]?.pair).toMatchObject({ paired: null, agreement: { n: 6, same: 5 } });
  expect(toOther.versions[1]?.pair?.reason).toContain("evaluate again");
});

it("says which version was not measured, and that a blob is damaged", async () => {
  const ctx = await makeTeam();
  const { ids } = await makeModel(ctx);
  await ctx.db.delete(evaluation).where(eq(evaluation.versionId, ids[1] ?? ""));
  const unmeasured = await compare(ctx, asked({ versions: [1, 2] }));
  expect(unmeasured.versions[1]?.pair?.reason).toBe("v2 was not measured on this dataset.");
  const rows = await ctx.db
    .select()
    .from(evaluation)
    .where(eq(evaluation.versionId, ids[2] ?? ""));
  await writeFile(blobPath(EvaluationResult.parse(rows[0]?.result).predictions), "");
  const damaged = await compare(ctx, asked({ versions: [1, 3] }));
  expect(damaged.versions[1]?.pair?.reason).toContain("damaged");
});

it("names the versions that are not there", async () => {
  const ctx = await makeTeam();
  await makeModel(ctx);
  await expect(compare(ctx, asked({ versions: [1, 7, 9] }))).rejects.toThrow("no v7, v9");
  expect(() => asked({ versions: [1, 2, 3, 4, 5, 6, 7, 8, 9] })).toThrow();
});

it("shows another team nothing, not even of a model of the same name", async () => {
  const [ctx, stranger] = [await makeTeam(), await makeTeam()];
  const mine = await makeModel(ctx);
  await expect(compare(stranger, asked({ versions: [1] }))).rejects.toThrow("no model");
  const theirs = await makeModel(stranger);
  const found = await compare(stranger, asked({ versions: [1, 2, 3], datasetId: mine.datasetId }));
  expect(found.datasets.map((d) => d.id)).toEqual([theirs.datasetId]);
  expect(found.versions.map((v) => v.id)).toEqual(theirs.ids);
});

it("reads inspections and evaluations from before graphs, histograms and answers were kept", () => {
  const { graph, tierNode, ...before } = inspection;
  const layers = before.layers.map(({ macs, weights, ...layer }) => layer);
  expect([graph, tierNode, layers[0]?.name]).toEqual([null, null, "conv1"]);
  expect(Inspection.parse({ ...before, layers })).toEqual(inspection);
  const { correctness, layerTimes, ...old } = evaluationResult;
  expect([correctness, layerTimes]).toEqual([null, null]);
  expect(EvaluationResult.parse(old)).toEqual(evaluationResult);
});
