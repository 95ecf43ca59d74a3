import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eq } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { dataset } from "../../db/schema/datasets";
import { upload } from "../../db/schema/platform";
import { run } from "../../db/schema/runs";
import { makeEngineer } from "../identity/testing";
import { adoptFile, registerBlob } from "../platform/blobs";
import type { TeamContext } from "../platform/context";
import { database, pool } from "../platform/db";
import { newId } from "../platform/ids";
import { createTestDatabase, type TestDatabase } from "../platform/testing/postgres";
import { toRun } from "../runs/records";
import { CreateDataset, DatasetReport } from "./contract";
import * as service from "./service";
import { report } from "./testing/examples";

let test: TestDatabase;
let home: string;

beforeAll(async () => {
  test = await createTestDatabase(inject("postgresUrl"));
  home = await mkdtemp(join(tmpdir(), "lathe-datasets-"));
  Object.assign(process.env, { DATABASE_URL: test.url, LATHE_HOME: home });
});
afterAll(async () => {
  await pool().end();
  await test.drop();
  await rm(home, { recursive: true, force: true });
});

const makeTeam = (): Promise<TeamContext> => makeEngineer(database());

async function uploaded(ctx: TeamContext, filename: string): Promise<string> {
  const path = join(home, newId("tmp"));
  await writeFile(path, randomBytes(32));
  const found = await adoptFile(path);
  await registerBlob(ctx.db, ctx.teamId, found);
  const id = newId("upl");
  await ctx.db.insert(upload).values({
    id,
    teamId: ctx.teamId,
    purpose: "dataset",
    filename,
    bytes: found.bytes,
    createdBy: ctx.actor.id,
    sha256: found.sha256,
    finishedAt: new Date(),
  });
  return id;
}

async function create(
  ctx: TeamContext,
  name: string,
  over: Partial<Parameters<typeof service.createDataset>[1]> = {},
  filename = "parcels.npz",
) {
  const files = [{ uploadId: await uploaded(ctx, filename), role: "data" as const }];
  const split = { kind: "seeded" as const, seed: 7, testFraction: 0.2 };
  const created = await service.createDataset(ctx, {
    name,
    files,
    split,
    transform: null,
    mapping: null,
    task: null,
    tryOn: null,
    labels: [],
    ...over,
  });
  const [row] = await ctx.db.select().from(run).where(eq(run.datasetId, created.datasetId));
  if (!row) throw new Error("no check was started");
  return { ...created, run: toRun(row) };
}
const finish = (
  ...[checked, outcome]: Parameters<typeof service.finishCheck> extends [unknown, ...infer R] ? R : never
) => database().transaction((tx) => service.finishCheck(tx, checked, outcome));
const found = (refusal: { rule: string; message: string; remedy: string } | null) =>
  ({
    state: "succeeded",
    result: { kind: "inspect_dataset", report: refusal ? null : report(), refusal, batch: null },
  }) as const;

describe("a dataset", () => {
  it("is used by nobody before its check, and takes the transform that the check found", async () => {
    const ctx = await makeTeam();
    const created = await create(ctx, "parcels");
    const before = (await service.page(ctx, "parcels")).digest;
    await expect(service.datasetRef(ctx.db, ctx.teamId, created.datasetId)).rejects.toThrow("checking");
    await finish(created.run, found(null));
    const ref = await service.datasetRef(ctx.db, ctx.teamId, created.datasetId);
    expect(ref).toMatchObject({ transform: { scale: 1 / 255 }, split: { seed: 7 }, report: { n: 70 } });
    expect((await service.page(ctx, "parcels")).digest).not.toBe(before);
  });

  it("keeps a transform that a person gave", async () => {
    const ctx = await makeTeam();
    const created = await create(ctx, "given", { transform: { scale: 2, mean: 1, std: 3 } });
    await finish(created.run, found(null));
    expect((await service.page(ctx, "given")).transform).toEqual({ scale: 2, mean: 1, std: 3 });
  });

  it("is refused with the rule, the finding and the remedy, and stays refused", async () => {
    const ctx = await makeTeam();
    const created = await create(ctx, "broken");
    const refusal = { rule: "npz.pickle", message: "y holds objects.", remedy: "Save integers." };
    await finish(created.run, found(refusal));
    await finish(created.run, found(null));
    expect(await service.page(ctx, "broken")).toMatchObject({ state: "refused", refusal });
    await expect(service.datasetRef(ctx.db, ctx.teamId, created.datasetId)).rejects.toThrow("refused");
    expect(await service.readyDatasets(ctx.db, ctx.teamId)).toEqual([]);
  });

  it("is its own team's only", async () => {
    const [ctx, stranger] = [await makeTeam(), await makeTeam()];
    const created = await create(ctx, "private");
    await finish(created.run, found(null));
    await expect(service.page(stranger, "private")).rejects.toThrow("no dataset");
    await expect(service.datasetRef(stranger.db, stranger.teamId, created.datasetId)).rejects.toThrow(
      "no such dataset",
    );
    expect((await service.list(stranger, { query: "", limit: 10 })).datasets).toEqual([]);
    const uploadId = await uploaded(ctx, "theirs.npz");
    await expect(create(stranger, "taken", { files: [{ uploadId, role: "data" }] })).rejects.toThrow(
      "not yours",
    );
  });

  it("of a table sends its mapping to the check, and hands workers the arrays that the check made", async () => {
    const ctx = await makeTeam();
    const mapping = { label: "kind", features: ["b", "a"], standardise: true, slice: null };
    const created = await create(ctx, "parts", { mapping }, "parts.csv");
    expect(created.run.spec).toMatchObject({
      files: [{ role: "data", format: "csv", name: "parts.csv" }],
      mapping,
    });
    const prepared = [
      {
        role: "data" as const,
        format: "npz" as const,
        sha256: "ab".repeat(32),
        bytes: 9,
        name: "samples.npz",
      },
    ];
    const found = DatasetReport.parse({
      ...report([2]),
      transform: { scale: 1, mean: [1, 2], std: [3, 4] },
      table: { columns: [], rows: [["1", "2"]], mapping },
      labels: ["cat", "dog"],
      split: { kind: "files" },
      prepared,
    });
    await finish(created.run, {
      state: "succeeded",
      result: { kind: "inspect_dataset", report: found, refusal: null, batch: null },
    });
    const ref = await service.datasetRef(ctx.db, ctx.teamId, created.datasetId);
    expect(ref).toMatchObject({ files: prepared, split: { kind: "files" }, transform: { mean: [1, 2] } });
    const page = await service.page(ctx, "parts");
    expect(page).toMatchObject({ labels: ["cat", "dog"], files: [{ name: "parts.csv" }] });
    const [listed] = (await service.list(ctx, { query: "parts", limit: 10 })).datasets;
    expect(listed?.report).not.toHaveProperty("table");
  });

  it("has another digest when the same table is mapped otherwise", async () => {
    const ctx = await makeTeam();
    const digests: string[] = [];
    for (const [index, features] of [
      ["a", "b"],
      ["a", "b"],
      ["b", "a"],
    ].entries()) {
      const created = await create(ctx, `order-${index}`, {}, "parts.csv");
      await ctx.db.update(dataset).set({ files: [] }).where(eq(dataset.id, created.datasetId));
      const mapping = { label: "y", features, standardise: false, slice: null };
      const found = { ...report([2]), table: { columns: [], rows: [], mapping } };
      await finish(created.run, {
        state: "succeeded",
        result: { kind: "inspect_dataset", report: found, refusal: null, batch: null },
      });
      digests.push((await service.page(ctx, created.name)).digest);
    }
    expect(digests[0]).toBe(digests[1]);
    expect(digests[0]).not.toBe(digests[2]);
  });

  it("keeps the names that a person gave, and opens reports from before tables", async () => {
    const ctx = await makeTeam();
    const created = await create(ctx, "named", { labels: ["no", "yes"] });
    const { leakage, table, labels, split, prepared, ...old } = report();
    expect(DatasetReport.parse(old)).toEqual({ ...old, leakage, table, labels, split, prepared });
    await finish(created.run, {
      state: "succeeded",
      result: {
        kind: "inspect_dataset",
        report: { ...report(), labels: ["0", "1"] },
        refusal: null,
        batch: null,
      },
    });
    expect((await service.page(ctx, "named")).labels).toEqual(["no", "yes"]);
  });

  it("of one table has no test part of its own, and formats are not mixed", async () => {
    const ctx = await makeTeam();
    const split = { kind: "files" as const, seed: 0, testFraction: 0.2 };
    await expect(create(ctx, "alone", { split }, "parts.csv")).rejects.toThrow("draw the split by a seed");
    const files = [
      { uploadId: await uploaded(ctx, "train.csv"), role: "data" as const },
      { uploadId: await uploaded(ctx, "test.parquet"), role: "data_test" as const },
    ];
    await expect(create(ctx, "mixed", { split, files })).rejects.toThrow("two CSV files");
    const created = await create(ctx, "pictures", {}, "pictures.zip");
    expect(created.run.spec).toMatchObject({ files: [{ format: "images" }] });
  });

  it("can't be described in a way that no worker could open", () => {
    const files = (...roles: string[]) => roles.map((role) => ({ uploadId: "upl_0000000000000000", role }));
    const parse = (roles: string[], kind: string) =>
      CreateDataset.safeParse({ name: "parcels", files: files(...roles), split: { kind } }).success;
    expect(parse(["x", "y"], "seeded")).toBe(true);
    expect(parse(["x", "y"], "files")).toBe(false);
    expect(parse(["x", "x"], "seeded")).toBe(false);
    expect(parse(["data", "data_test"], "files")).toBe(true);
    expect(parse(["data", "data_test"], "seeded")).toBe(false);
  });
});
