// @ts-check
/** `npm start`: installs, builds and runs everything. Works on a fresh clone, before anything is installed. */
import { chmodSync, mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { INSTANCE_VARIABLE, sweep, sweepWhenOwnerDies } from "../server/platform/supervise/watchdog.mjs";
import { buildProcesses, buildWeb } from "./lib/build.mjs";
import { installNode, installPython, isFirstStart } from "./lib/install.mjs";
import { lockHome } from "./lib/lock.mjs";
import { checkDatabaseAnswers, checkDisk, checkNode, checkPorts, findPython } from "./lib/preflight.mjs";
import { exitWith, Refusal } from "./lib/refusal.mjs";
import { prepareSampleData } from "./lib/sample.mjs";
import { readSettings } from "./lib/settings.mjs";
import { Steps } from "./lib/steps.mjs";

process.chdir(resolve(import.meta.dirname, ".."));

try {
  await start();
} catch (error) {
  exitWith(error);
}

async function start() {
  const since = performance.now();
  checkNode();
  const settings = readSettings(process.env);
  const { home, instance, venv, databaseUrl } = settings;
  const python = findPython(process.env);
  checkDisk(settings, isFirstStart(venv));
  if (databaseUrl) await checkDatabaseAnswers(databaseUrl);

  const unlock = lockHome(home);
  process.once("exit", unlock);
  // What an earlier instance left behind ends before its ports are looked at.
  if (!(await sweep(instance)))
    throw new Refusal(`Processes of an earlier start on ${home} do not end; restart this machine.`);
  await checkPorts(settings);
  const callOffWatchdog = sweepWhenOwnerDies(instance);
  const interrupts = interruptSteps(instance);

  // Others may pass through (Postgres runs as another user under root) but not look.
  chmodSync(home, 0o711);
  const logs = join(home, "logs");
  for (const folder of ["logs", "secrets", "run", "blobs"])
    mkdirSync(join(home, folder), { recursive: true, mode: 0o700 });

  const env = { ...process.env, [INSTANCE_VARIABLE]: instance };
  const steps = new Steps();
  await all([
    steps
      .run("Node packages", (step) => installNode(step, logs, env))
      .then(() => steps.run("Processes", () => buildProcesses(settings, logs, env)))
      .then(() => steps.run("Console", (step) => buildWeb(step, settings, logs, env))),
    steps.run("Python packages", (step) => installPython(step, { python, venv, logs, env })),
    steps.run("Sample data", (step) => prepareSampleData(step, home, env)),
  ]);

  interrupts.done();
  const { supervise } = await import(pathToFileURL(resolve(settings.buildDir, "supervisor.mjs")).href);
  await supervise({ ...settings, since });
  callOffWatchdog();
  process.exit(0);
}

/**
 * Waits for all, and lets none go on once one has failed.
 * @param {Promise<unknown>[]} parts
 */
async function all(parts) {
  try {
    await Promise.all(parts);
  } catch (error) {
    // The others are in sessions of their own; the watchdog ends them when this process exits.
    if (error instanceof Refusal) throw error;
    throw new Refusal(error instanceof Error ? error.message : String(error));
  }
}

/**
 * Ctrl-C during the steps: whatever runs is ended, and done again by the next start.
 * @param {string} instance
 */
function interruptSteps(instance) {
  const end = () => void sweep(instance).then(() => process.exit(130));
  process.on("SIGINT", end).on("SIGTERM", end);
  return { done: () => void process.off("SIGINT", end).off("SIGTERM", end) };
}
