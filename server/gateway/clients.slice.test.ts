/** The clients of Triton and of KServe, unmodified, against a gateway and a replica's own process: what goes out comes back. */
import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, expect, it } from "vitest";
import { readSettings } from "../../scripts/lib/settings.mjs";
import { newId } from "../platform/ids";
import type { Gateway } from "./gateway";
import { startOffline, TOKEN } from "./offline";
import { testReplicaToken } from "./testing";

/** Python starts four times, once with torch. */
const PATIENCE_MS = 120_000;

let folder: string;
let replica: ChildProcess;
let gateway: Gateway;

const python = (args: string[], environment: Record<string, string> = {}) =>
  spawn(join(readSettings(process.env).venv, "bin/python"), args, {
    env: {
      NODE_ENV: process.env.NODE_ENV,
      PATH: process.env.PATH,
      PYTHONPATH: [resolve("gpu-worker/src"), process.env.PYTHONPATH ?? ""].join(":"),
      OMP_NUM_THREADS: "1",
      NO_PROXY: "127.0.0.1",
      ...environment,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });

/** What a script printed. Fails with what it said when it failed. */
async function run(script: string, args: string[], environment?: Record<string, string>): Promise<string> {
  const child = python([resolve("server/gateway/scripts", script), ...args], environment);
  const ended = once(child, "exit");
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const [code] = await ended;
  expect([code, code === 0 ? "" : err]).toEqual([0, ""]);
  return out;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lathe-wire-"));
  const model = join(folder, "echo.onnx");
  await run("echo_model.py", [model]);
  const id = newId("rpl");
  const child = python(["-m", "gpu_worker.serve", model, "--name", "garment"], {
    LATHE_REPLICA_TOKEN: testReplicaToken(id),
  });
  replica = child;
  child.stderr.resume();
  const [address] = await once(createInterface({ input: child.stdout }), "line");
  const digest = createHash("sha256")
    .update(await readFile(model))
    .digest("hex");
  gateway = await startOffline({ digest, replicas: [{ id, address: String(address) }] });
}, PATIENCE_MS);
afterAll(async () => {
  await gateway.close();
  const ended = once(replica, "exit");
  replica.kill();
  await ended;
  await rm(folder, { recursive: true, force: true });
});

it(
  "Triton's: binary and JSON tensors of numbers and strings, packed or not, and refusals it can read",
  async () => {
    const { host } = new URL(gateway.url);
    const saw = await run("triton.py", [], { LATHE_GATEWAY: host, LATHE_TOKEN: TOKEN });
    expect(JSON.parse(saw.trim().split("\n").at(-1) ?? "")).toEqual({
      live: true,
      ready: true,
      model_ready: true,
      version_ready: true,
      other_version_ready: false,
      extensions: ["binary_tensor_data"],
      inputs: [
        { name: "fp32", datatype: "FP32", shape: [-1, -1] },
        { name: "fp16", datatype: "FP16", shape: [-1, -1] },
        { name: "text", datatype: "BYTES", shape: [-1, -1] },
      ],
      id: "seven",
      version: "1",
      binary: true,
      json: true,
      some_outputs: true,
      gzip: true,
      deflate: true,
      at_once: true,
      staging: true,
      staging_ready: true,
      staging_inputs: 3,
      no_staging: ["404", "No model other@staging serves in staging."],
      timeout: true,
      wrong_type: ["400", "Input 'fp32': expected datatype FP32, found 'FP64'."],
      no_token: ["401", expect.stringContaining("API token")],
      no_model: ["404", "No model other serves in production."],
    });
  },
  PATIENCE_MS,
);

it(
  "KServe's: the same over its REST client, which reads health from JSON bodies",
  async () => {
    const { host } = new URL(gateway.url);
    const saw = await run("kserve_rest.py", [], { LATHE_GATEWAY: host, LATHE_TOKEN: TOKEN });
    expect(JSON.parse(saw.trim().split("\n").at(-1) ?? "")).toEqual({
      live: true,
      ready: true,
      model_ready: true,
      other_ready: false,
      id: "seven",
      binary: true,
      json: true,
      gzip: true,
      at_once: true,
      wrong_type: [400, "Input 'fp32': expected datatype FP32, found 'FP64'."],
      no_token: [401, expect.stringContaining("API token")],
      no_model: [404, "No model other serves in production."],
    });
  },
  PATIENCE_MS,
);
