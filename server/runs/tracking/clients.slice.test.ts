/** The real, unmodified MLflow client against the door over HTTP: what a script logs is what the run tracked. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { eq } from "drizzle-orm";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { attempt } from "../../../db/schema/runs";
import { readSettings } from "../../../scripts/lib/settings.mjs";
import type { TeamContext } from "../../platform/context";
import { testConsole } from "../../platform/testing/console";
import { listSeries } from "../metrics";
import { makeTeam, post, queue } from "../testing";
import { tracked } from "./service";
import { type Door, openDoor } from "./testing";

/** Importing MLflow and torch takes seconds on a busy machine. */
const PATIENCE_MS = 180_000;

const connection = testConsole({ LATHE_LOG_LEVEL: "error" });
let door: Door;
let ctx: TeamContext;
let own: Awaited<ReturnType<typeof queue>>;

beforeAll(async () => {
  door = await openDoor();
});
afterAll(async () => {
  await door.close();
});
beforeEach(async () => {
  ctx = await makeTeam(connection.db);
  own = await queue(ctx);
  door.answers.length = 0;
});

/** Runs a script as a rank of an attempt would run it, to its end. */
async function run(file: string, args: readonly string[], token: string) {
  const python = join(readSettings({ ...process.env, LATHE_HOME: undefined }).venv, "bin/python");
  const child = spawn(python, [resolve(file), ...args], {
    cwd: connection.home,
    env: {
      NODE_ENV: process.env.NODE_ENV,
      PATH: process.env.PATH,
      HOME: connection.home,
      OMP_NUM_THREADS: "1",
      ...{ RANK: "0", WORLD_SIZE: "1", MASTER_ADDR: "127.0.0.1", MASTER_PORT: "0" },
      MLFLOW_TRACKING_URI: door.url,
      MLFLOW_TRACKING_TOKEN: token,
      MLFLOW_RUN_ID: own.id,
      MLFLOW_EXPERIMENT_ID: own.id,
      MLFLOW_DISABLE_TELEMETRY: "true",
      NO_PROXY: "127.0.0.1",
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [out, err, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "exit") as Promise<[number | null]>,
  ]);
  return { code, out, err };
}

/** Answers the JSON that a script prints last. */
async function runScript(name: string): Promise<Record<string, unknown>> {
  const { code, out, err } = await run(`server/runs/tracking/scripts/${name}.py`, [], own.token);
  expect([code, code === 0 ? "" : err]).toEqual([0, ""]);
  return JSON.parse(out.trim().split("\n").at(-1) ?? "");
}

/** Answers that a client repeats for minutes, or takes for the server's fault. */
const faults = () => door.answers.filter((answer) => / (408|429|5\d\d)$/.test(answer));
const record = (pairs: { key: string; value: string }[]) =>
  Object.fromEntries(pairs.map((p) => [p.key, p.value]));

it(
  "the fluent API: params, metrics, tags and files land in the run and read back",
  async () => {
    const saw = await runScript("fluent");
    expect(saw).toMatchObject({
      run_id: own.id,
      experiment_id: own.id,
      name: "again",
      params: { lr: "0.001", optimizer: "adamw", layers: "[64, 64]", epochs: "2", late: "yes" },
      tags: { team: "vision", stage: "test" },
      note: "The first try.",
      metrics: { single: "0.5", loss: String(1 / 30), broken: "inf", async: "99.0", second: "1.0" },
      loss: Array.from({ length: 30 }, (_, step) => [step, 1 / (step + 1)]),
      async: Array.from({ length: 100 }, (_, n) => n),
      found: [own.id],
      listed: {
        "": [
          ["a note.txt", false, 14],
          ["config", true, null],
          ["hello.txt", false, 5],
          ["plots", true, null],
        ],
        plots: [
          ["plots/deep", true, null],
          ["plots/empty", false, 0],
        ],
        "plots/deep": [["plots/deep/big.bin", false, 5_120_000]],
        config: [["config/labels.json", false, 19]],
      },
      text: "kept ünïcode",
      dict: { classes: 10 },
      downloaded: true,
      changed: expect.stringMatching(/^INVALID_PARAMETER_VALUE: .*Changing param values is not allowed/s),
      missing: "RESOURCE_DOES_NOT_EXIST",
    });
    const kept = await tracked(ctx, own.number);
    expect(record(kept.params)).toEqual(saw.params);
    expect(record(kept.tags)).toMatchObject({ team: "vision", "mlflow.runName": "again" });
    expect(kept.artifacts.map((a) => a.path)).toEqual([
      "a note.txt",
      "config/labels.json",
      "hello.txt",
      "plots/deep/big.bin",
      "plots/empty",
    ]);
    const series = await listSeries(connection.db, own.id);
    expect(series.map((s) => [s.name, s.points])).toEqual([
      ["async", 100],
      ["broken", 2],
      ["loss", 30],
      ["second", 1],
      ["single", 1],
      ["val/accuracy", 30],
    ]);
    expect(faults()).toEqual([]);
  },
  PATIENCE_MS,
);

it(
  "MlflowClient as loggers of training libraries use it",
  async () => {
    expect(await runScript("logger")).toEqual({
      ids: [own.id, own.id, own.id],
      name: "version_0",
      params: 250,
      history: 3000,
      last: 1 / 3000,
      uri: `mlflow-artifacts:/${own.id}/artifacts`,
      checkpoints: ["model/checkpoints/last/checkpoint.bin"],
    });
    expect(faults()).toEqual([]);
  },
  PATIENCE_MS,
);

it(
  "models are logged, found and loaded back",
  async () => {
    const saw = await runScript("models");
    expect(saw).toMatchObject({
      doubled: true,
      same: true,
      found: [[saw.linear, "READY", { width: "2" }]],
    });
    const { models, artifacts } = await tracked(ctx, own.number);
    expect(models.map((m) => [m.name, m.status])).toEqual([
      ["linear", "READY"],
      ["doubler", "READY"],
    ]);
    for (const model of models) expect(artifacts.map((a) => a.path)).toContain(`models/${model.id}/MLmodel`);
    expect(faults()).toEqual([]);
  },
  PATIENCE_MS,
);

it(
  "a script whose attempt is over is told at once and stops",
  async () => {
    await connection.db.update(attempt).set({ state: "lost" }).where(eq(attempt.id, own.attempt.id));
    const { said } = await runScript("stale");
    expect(said).toMatch(/^RESOURCE_CONFLICT: RESOURCE_CONFLICT: This attempt is over/);
    expect(door.answers).toEqual([expect.stringMatching(/ 409$/)]);
  },
  PATIENCE_MS,
);

it(
  "the next attempt of a script goes on from the checkpoint that the last one kept as an artifact",
  async () => {
    const train = (token: string) =>
      run("examples/scripts/resuming.py", ["--steps", "30", "--every", "10", "--fail-at", "25"], token);
    const first = await train(own.token);
    expect([first.code, first.err]).toEqual([1, expect.stringContaining("This attempt fails")]);
    const cause = { kind: "worker_error", message: "exit code 1", rank: 0, exitCode: 1, evidence: "" };
    const next = await (await post(own.token, "next-attempt", { cause, lastStep: 25 })).json();
    const second = await train(next.token);
    expect([second.code, second.out]).toEqual([0, expect.stringContaining("begins at step 21")]);
    expect((await tracked(ctx, own.number)).artifacts.map((a) => a.path)).toEqual(["checkpoint.pt"]);
  },
  PATIENCE_MS,
);
