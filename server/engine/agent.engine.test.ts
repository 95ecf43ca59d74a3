import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { afterAll, beforeAll } from "vitest";
import { RAY_PORTS, readSettings } from "../../scripts/lib/settings.mjs";
import { INSTANCE_VARIABLE, sweep, sweepWhenOwnerDies } from "../platform/supervise/watchdog.mjs";
import { freePorts } from "../platform/testing/ports";
import { describeAgent } from "./agent-contract";

type Child = ChildProcessByStdio<null, null, Readable>;

/** Above the 25 s for which a poll that began before the console was restored may go on. */
const PATIENCE_MS = 60_000;
const INSTANCE = `agent-test-${process.pid}`;

let home: string;
let environment: NodeJS.ProcessEnv;
let cluster: Child;
let callOff: () => void;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "lathe-agent-"));
  await mkdir(join(home, "secrets"));
  environment = {
    ...process.env,
    [INSTANCE_VARIABLE]: INSTANCE,
    LATHE_HOME: home,
    LATHE_LOG_LEVEL: "info",
    LATHE_RAY_PORT: String(await freePorts(RAY_PORTS)),
    PYTHONPATH: resolve("gpu-worker/src"),
    PYTHONUNBUFFERED: "1",
  };
  callOff = sweepWhenOwnerDies(INSTANCE);
  cluster = run(["-m", "gpu_worker.agent.local"]);
  await says(cluster, "cluster ready");
});
afterAll(async () => {
  await end(cluster, "SIGTERM");
  await sweep(INSTANCE); // An agent that a failed test left.
  callOff();
  await rm(home, { recursive: true, force: true });
  await rm(`/tmp/lathe-${readSettings(environment).instance}`, { recursive: true, force: true });
});

describeAgent(
  "the agent on Ray",
  async (consoleUrl, oneTimeToken) => {
    await rm(join(home, "secrets/agent.token"), { force: true });
    await writeFile(join(home, "secrets/agent-enrol.token"), oneTimeToken);
    const start = () => run(["-m", "gpu_worker.agent", "--agent-only"], { LATHE_URL: consoleUrl });
    let agent = start();
    try {
      await says(agent, "enrolled as", "/api/agent/enrol");
    } catch (error) {
      await end(agent, "SIGTERM");
      throw error;
    }
    return {
      stop: () => end(agent, "SIGTERM"),
      restart: async () => {
        await end(agent, "SIGKILL");
        agent = start();
      },
    };
  },
  PATIENCE_MS,
);

function run(args: readonly string[], extra: Record<string, string> = {}): Child {
  const python = join(readSettings(process.env).venv, "bin/python");
  const env = { ...environment, ...extra };
  const child = spawn(python, args, { env, stdio: ["ignore", "ignore", "pipe"] });
  child.stderr.resume(); // A pipe that nobody reads would stop it.
  return child;
}

/** Resolves with a line that contains `good`. Rejects with one that contains `bad`, or with the last one when it ends. */
function says(child: Child, good: string, bad?: string): Promise<void> {
  return new Promise((done, fail) => {
    let last = "";
    createInterface({ input: child.stderr }).on("line", (line) => {
      last = line;
      if (line.includes(good)) done();
      else if (bad && line.includes(bad)) fail(new Error(line));
    });
    child.once("error", fail);
    child.once("close", (code) => fail(new Error(`It ended with ${code}: ${last}`)));
  });
}

async function end(child: Child, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill(signal);
  await ended;
}
