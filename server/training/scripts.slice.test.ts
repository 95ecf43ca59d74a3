import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { desc, eq } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { auditEntry } from "../../db/schema/audit";
import { pool as poolTable } from "../../db/schema/cluster";
import { upload } from "../../db/schema/platform";
import { run } from "../../db/schema/runs";
import { defaultClusterId } from "../engine/service";
import { makeEngineer } from "../identity/testing";
import { adoptFile, registerBlob } from "../platform/blobs";
import type { TeamContext } from "../platform/context";
import { database, pool } from "../platform/db";
import { newId } from "../platform/ids";
import { createTestDatabase, type TestDatabase } from "../platform/testing/postgres";
import { SCRIPT_DEFAULTS, ScriptInput } from "./contract";
import { launchScript, scriptPlan } from "./scripts";

let test: TestDatabase;
let home: string;
let ctx: TeamContext;

beforeAll(async () => {
  test = await createTestDatabase(inject("postgresUrl"));
  home = await mkdtemp(join(tmpdir(), "lathe-scripts-"));
  Object.assign(process.env, { DATABASE_URL: test.url, LATHE_HOME: home });
  ctx = await makeEngineer(database());
  const clusterId = await defaultClusterId(ctx.db);
  await ctx.db.delete(poolTable).where(eq(poolTable.clusterId, clusterId));
  await ctx.db.insert(poolTable).values({
    id: newId("pool"),
    clusterId,
    name: "local",
    min: 0,
    max: 3,
    idleSeconds: 60,
    resources: { CPU: 1 },
  });
});
afterAll(async () => {
  await pool().end();
  await test.drop();
  await rm(home, { recursive: true, force: true });
});

async function uploaded(owner: TeamContext, purpose = "script"): Promise<string> {
  const path = join(home, newId("tmp"));
  await writeFile(path, randomBytes(32));
  const found = await adoptFile(path);
  await registerBlob(owner.db, owner.teamId, found);
  const id = newId("upl");
  const file = { filename: "experiment.zip", bytes: found.bytes, sha256: found.sha256 };
  await owner.db.insert(upload).values({
    id,
    teamId: owner.teamId,
    purpose,
    createdBy: owner.actor.id,
    finishedAt: new Date(),
    ...file,
  });
  return id;
}

const input = async (over: object = {}) =>
  ScriptInput.parse({
    uploadId: await uploaded(ctx),
    command: "src/train.py --epochs 2 --name 'two words'",
    requirements: null,
    environment: "LR=0.1\nAPI_TOKEN=abc",
    datasetId: null,
    name: "",
    ...SCRIPT_DEFAULTS,
    ...over,
  });

describe("launchScript", () => {
  it("queues the archive with its command, and keeps values of variables out of the audit log", async () => {
    const { id } = await launchScript(ctx, await input());
    const [row] = await ctx.db.select().from(run).where(eq(run.id, id));
    expect(row).toMatchObject({
      kind: "script",
      title: "experiment.zip: src/train.py",
      maxAttempts: 1,
      resources: { workers: 2, cpus: 1, gpus: 0 },
      spec: {
        entry: "src/train.py",
        args: ["--epochs", "2", "--name", "two words"],
        env: { LR: "0.1", API_TOKEN: "abc" },
        requirements: null,
        dataset: null,
        stallSeconds: 1800,
      },
    });
    const [entry] = await ctx.db.select().from(auditEntry).orderBy(desc(auditEntry.id)).limit(1);
    expect(JSON.stringify(entry)).toContain("API_TOKEN");
    expect(JSON.stringify(entry)).not.toContain("abc");
  });

  it("refuses more workers than the cluster ever holds, and says so before", async () => {
    const shape = { workers: 9, cpus: 1, gpus: 0 };
    const says = "This cluster never holds more than 3 such workers: choose fewer, or smaller ones.";
    expect(await scriptPlan(ctx, shape)).toEqual({ state: "never", says });
    await expect(launchScript(ctx, await input(shape))).rejects.toThrow(says);
  });

  it("takes only an upload of this person, for this purpose", async () => {
    const strangers = await uploaded(await makeEngineer(database()));
    for (const uploadId of [strangers, await uploaded(ctx, "model")])
      await expect(launchScript(ctx, await input({ uploadId }))).rejects.toThrow(
        /not finished, or it is not yours/,
      );
  });

  it.each([
    [{ command: "" }, "name the file to run"],
    [{ stallSeconds: -1 }, "at least 0"],
    [{ command: "train.py 'x" }, "a quote is left open"],
    [{ command: "../train.py" }, "within the archive"],
    [{ command: "/bin/sh" }, "within the archive"],
    [{ environment: "A=1\nB" }, "line 2 is not NAME=value"],
    [{ requirements: "../../requirements.txt" }, "within the archive"],
    [{ workers: 0 }, "at least 1 worker"],
  ])("refuses %o", async (over, says) => {
    await expect(input(over)).rejects.toThrow(says);
  });
});
