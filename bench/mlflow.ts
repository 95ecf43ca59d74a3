/** An MLflow tracking server of its own, as `mlflow server` comes: what ingestion is compared with. */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { until } from "../e2e/fixtures/api";
import { interruptWhenOwnerDies } from "../server/platform/supervise/watchdog.mjs";
import { freePorts } from "../server/platform/testing/ports";

const run = promisify(execFile);

export interface Mlflow {
  version: string;
  url: string;
  /** A run of its own experiment, for points. */
  runId: string;
  stop(): Promise<void>;
}

/** @throws when MLflow can't be installed (it takes a network) or doesn't start */
export async function startMlflow(venv: string): Promise<Mlflow> {
  const bin = await installed(venv);
  const version = (await run(join(bin, "mlflow"), ["--version"])).stdout.trim().split(" ").at(-1) ?? "";
  const folder = mkdtempSync(join(tmpdir(), "lathe-mlflow-"));
  const port = await freePorts(1);
  const url = `http://127.0.0.1:${port}`;
  const said = join(folder, "server.log");
  const log = openSync(said, "a");
  const child = spawn(
    join(bin, "mlflow"),
    [
      "server",
      ...["--host", "127.0.0.1", "--port", String(port)],
      ...["--backend-store-uri", `sqlite:///${join(folder, "mlflow.db")}`],
    ],
    { cwd: folder, stdio: ["ignore", "ignore", log], detached: true },
  );
  const { pid } = child;
  if (!pid) throw new Error(`${bin}/mlflow could not be started`);
  const callOff = interruptWhenOwnerDies(pid);
  const ended = once(child, "exit").then(callOff);
  await until("the MLflow server answers", async () => (await answers(url)) || child.exitCode !== null);
  if (child.exitCode !== null)
    throw new Error(
      `mlflow server ended with ${child.exitCode}:\n${readFileSync(said, "utf8").slice(-2000)}`,
    );
  const { experiment_id } = await ask(url, "experiments/create", { name: "bench" });
  const created = await ask(url, "runs/create", { experiment_id, start_time: Date.now() });
  return {
    version,
    url,
    runId: created.run.info.run_id,
    stop: async () => {
      process.kill(-pid, "SIGTERM");
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The folder of its commands, made by `pip install mlflow` where there is none. */
async function installed(venv: string): Promise<string> {
  const folder = process.env.LATHE_BENCH_MLFLOW ?? resolve(".lathe/bench-mlflow");
  const bin = join(folder, "bin");
  if (existsSync(join(bin, "mlflow"))) return bin;
  try {
    await run(join(venv, "bin/python"), ["-m", "venv", folder]);
    await run(join(bin, "pip"), ["install", "--quiet", "mlflow>=3,<4"], { maxBuffer: 2 ** 24 });
  } catch (cause) {
    throw new Error(`MLflow can't be installed in ${folder}: pip install needs the package index.`, {
      cause,
    });
  }
  return bin;
}

const answers = (url: string): Promise<boolean> =>
  fetch(`${url}/health`).then(
    (response) => response.ok,
    () => false,
  );

async function ask(url: string, path: string, body: object) {
  const response = await fetch(`${url}/api/2.0/mlflow/${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${path} answered ${response.status}: ${await response.text()}`);
  return response.json();
}
