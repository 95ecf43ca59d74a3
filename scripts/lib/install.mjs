// @ts-check
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { digestOf, isStamped, onceFor } from "./stamp.mjs";
import { command } from "./steps.mjs";

/** @typedef {import("./steps.mjs").Step} Step */

const TORCH = "torch==2.13.0";
const RUNTIME_LOCK = "gpu-worker/requirements.lock";
const DEV_LOCK = "gpu-worker/requirements-dev.lock";
const NODE_STAMP = "node_modules/.lathe-stamp";
const REMEDY = "check that the package registry can be reached, then start again";

const nodeDigest = () => digestOf(["package-lock.json"], [process.versions.modules]);

/** @param {string} venv */
const venvStamp = (venv) => join(venv, ".lathe-stamp");
const venvDigest = () => digestOf([RUNTIME_LOCK], [TORCH, resolve(".")]);

/**
 * @param {string} venv
 * @returns {boolean} whether either side still has to be installed
 */
export function isFirstStart(venv) {
  return !isStamped(NODE_STAMP, nodeDigest()) || !isStamped(venvStamp(venv), venvDigest());
}

/**
 * Installs the versions of `package-lock.json`. Not by `npm ci`: that refuses a lock made where a registry
 * lacks packages of other platforms. No install script runs, here or anywhere: npm may refuse them.
 * @param {Step} step
 * @param {string} logs
 * @param {NodeJS.ProcessEnv} env
 */
export async function installNode(step, logs, env) {
  const packages = JSON.parse(readFileSync("package-lock.json", "utf8")).packages;
  const total = Object.values(packages).filter((entry) => !entry.optional).length - 1;
  const done = await onceFor(NODE_STAMP, nodeDigest(), async () => {
    const poll = setInterval(() => {
      const share = Math.min(99, Math.round((100 * countPackages("node_modules")) / total));
      step.says(`${share}% of ${total} packages`);
    }, 500);
    try {
      await command("npm", ["install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund"], {
        log: join(logs, "install-node.log"),
        env,
        remedy: REMEDY,
      });
    } finally {
      clearInterval(poll);
    }
  });
  return done ? `${total} packages` : "up to date";
}

/** @param {string} folder */
function countPackages(folder) {
  if (!existsSync(folder)) return 0;
  return readdirSync(folder)
    .filter((name) => !name.startsWith("."))
    .reduce((sum, name) => sum + (name.startsWith("@") ? countPackages(join(folder, name)) : 1), 0);
}

/**
 * Makes the virtual environment. torch comes first and alone, so that pip takes a CPU build where it is
 * configured to find one; everything else is a closed list without dependencies, so nothing pulls another.
 * @param {Step} step
 * @param {{ python: string, venv: string, logs: string, env: NodeJS.ProcessEnv }} where
 */
export async function installPython(step, { python, venv, logs, env }) {
  const total = requirementsIn(RUNTIME_LOCK);
  const done = await onceFor(venvStamp(venv), venvDigest(), async () => {
    step.says("making the virtual environment");
    rmSync(join(venv, ".lathe-stamp-dev"), { force: true });
    await command(python, ["-m", "venv", venv], {
      log: join(logs, "install-venv.log"),
      env,
      remedy: "see the end of its output",
    });
    step.says("torch");
    await pip(venv, [TORCH], {
      log: join(logs, "install-torch.log"),
      env,
      onLine: (line) => step.says(pipNews(line, "torch") ?? "torch"),
    });
    let collected = 0;
    await pip(venv, ["--no-deps", "-r", RUNTIME_LOCK], {
      log: join(logs, "install-python.log"),
      env,
      onLine: (line) => {
        if (line.startsWith("Collecting")) collected++;
        step.says(
          line.startsWith("Installing collected")
            ? `installing ${total} packages`
            : `${Math.round((100 * collected) / total)}% of ${total} packages`,
        );
      },
    });
    // Our own package needs no build: its source folder is on the path.
    writeFileSync(join(sitePackages(venv), "lathe-gpu-worker.pth"), `${resolve("gpu-worker/src")}\n`);
  });
  return done ? `torch and ${total} packages` : "up to date";
}

/**
 * The tools that only `npm test` needs.
 * @param {{ venv: string, logs: string, env: NodeJS.ProcessEnv }} where
 */
export async function installPythonTools({ venv, logs, env }) {
  const done = await onceFor(join(venv, ".lathe-stamp-dev"), digestOf([DEV_LOCK]), () =>
    pip(venv, ["--no-deps", "-r", DEV_LOCK], { log: join(logs, "install-python-tools.log"), env }),
  );
  return done ? `${requirementsIn(DEV_LOCK)} packages` : "up to date";
}

/**
 * @param {string} venv
 * @param {string[]} what
 * @param {{ log: string, env: NodeJS.ProcessEnv, onLine?: (line: string) => void }} options
 */
function pip(venv, what, options) {
  const args = [
    "-m",
    "pip",
    "install",
    "--disable-pip-version-check",
    "--no-input",
    "--progress-bar",
    "off",
    ...what,
  ];
  return command(join(venv, "bin/python"), args, { ...options, remedy: REMEDY });
}

/**
 * @param {string} line of pip's output
 * @param {string} what
 */
function pipNews(line, what) {
  const size = /^\s*Downloading .*\(([\d.]+ [kMG]B)\)/.exec(line)?.[1];
  if (size) return `${what}: downloading ${size}`;
  return line.startsWith("Installing collected") ? `${what}: installing` : null;
}

/** @param {string} lock */
function requirementsIn(lock) {
  return readFileSync(lock, "utf8")
    .split("\n")
    .filter((line) => /^[A-Za-z]/.test(line)).length;
}

/** @param {string} venv */
function sitePackages(venv) {
  const lib = join(venv, "lib");
  const python = readdirSync(lib).find((name) => name.startsWith("python3"));
  if (!python) throw new Error(`${lib} holds no Python`);
  return join(lib, python, "site-packages");
}
