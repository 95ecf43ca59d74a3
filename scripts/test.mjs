// @ts-check
/**
 * `npm test`: sets up what it needs, runs every level in order and ends with `N passed, N failed`.
 * `--fast` runs pure and slice tests; `--only a,b` the named levels. A failing level stops no other.
 */
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { ensureChromium } from "./lib/chromium.mjs";
import { installNode, installPython, installPythonTools } from "./lib/install.mjs";
import { checks, counted, readJunit, readPlaywright, readVitest } from "./lib/levels.mjs";
import { checkNode, findPython } from "./lib/preflight.mjs";
import { exitWith, Refusal } from "./lib/refusal.mjs";
import { readSettings } from "./lib/settings.mjs";
import { Steps } from "./lib/steps.mjs";

/** @typedef {import("./lib/levels.mjs").Count} Count */

process.chdir(resolve(import.meta.dirname, ".."));

const { home, venv } = readSettings(process.env);
const reports = resolve(home, "test");
const logs = join(reports, "logs");
const bin = (/** @type {string} */ name) => `node_modules/.bin/${name}`;
const python = (/** @type {string} */ name) => join(venv, "bin", name);
/** A build of its own, so that a running console is not disturbed; two cores are shared by all. */
const env = {
  ...process.env,
  LATHE_VENV: venv,
  LATHE_NEXT_DIR: ".next-test",
  LATHE_BUILD_DIR: ".build-test",
  OMP_NUM_THREADS: process.env.OMP_NUM_THREADS ?? "2",
  NEXT_TELEMETRY_DISABLED: "1",
};

/** Tests with these folders need a real Ray cluster; the others need nothing. */
const RAY_TESTS = "tests/agent";

/** @type {Record<string, () => Promise<Count>>} */
const LEVELS = {
  pure: () => vitest("pure"),
  lint: () =>
    checks(
      [
        [bin("biome"), ["check", "."]],
        [python("ruff"), ["check", "gpu-worker"]],
      ],
      env,
    ),
  types: () =>
    checks(
      [
        [bin("tsc"), ["--noEmit"]],
        [python("pyright"), ["--pythonpath", python("python")], "gpu-worker"],
      ],
      env,
    ),
  boundaries: () => checks([["node", ["scripts/boundaries.mjs"]]], env),
  contract: () => checks([[bin("tsx"), ["scripts/contract.ts", "--check"]]], env),
  slice: () => vitest("slice"),
  // Much of it is one thread importing and exporting, so two files at a time, each on one core.
  worker: () =>
    pytest("worker", ["tests", "--ignore", RAY_TESTS, "-n", "2", "--dist", "loadfile"], {
      OMP_NUM_THREADS: "1",
    }),
  engine: async () =>
    add(await pytest("engine", [RAY_TESTS]), hasTests(".engine.test.ts") ? await vitest("engine") : NONE),
  browser: async () => {
    const report = join(reports, "browser.json");
    const options = { env: { ...env, LATHE_PLAYWRIGHT_JSON: report } };
    return counted(bin("playwright"), ["test"], options, report, readPlaywright);
  },
};
const FAST = ["pure", "slice", "worker"];
/** Levels that run while Python is still being installed, which takes minutes and mostly one core. */
const NODE_ALONE = ["pure"];
const NONE = { passed: 0, failed: 0 };

try {
  await main();
} catch (error) {
  exitWith(error);
}

async function main() {
  const chosen = chooseLevels(process.argv.slice(2));
  const { rest } = await setUp(chosen);
  let total = NONE;
  const lines = [];
  for (const name of chosen) {
    if (!NODE_ALONE.includes(name)) await rest;
    console.log(`\n━━ ${name} ${"━".repeat(70 - name.length)}`);
    const since = performance.now();
    const count = await LEVELS[name]?.();
    if (!count) throw new Error(`level ${name} is not defined`);
    // A level that checked nothing proves nothing.
    const honest = count.passed + count.failed === 0 ? { passed: 0, failed: 1 } : count;
    total = add(total, honest);
    const time = `${((performance.now() - since) / 1000).toFixed(1)} s`;
    const note = honest === count ? "" : "  (counted zero, which is a failure)";
    lines.push(
      `${honest.failed ? "✗" : "✓"} ${name.padEnd(11)} ${time.padStart(8)}  ${honest.passed} passed, ${honest.failed} failed${note}`,
    );
    console.log(lines.at(-1));
  }
  for (const failure of total.failures ?? []) console.log(`\n✗ ${failure}`);
  console.log(`\n${lines.join("\n")}\n\n${total.passed} passed, ${total.failed} failed`);
  process.exit(total.failed > 0 ? 1 : 0);
}

/** @param {string[]} args */
function chooseLevels(args) {
  const names = Object.keys(LEVELS);
  const [option, wanted = "", ...rest] = args;
  if (option === undefined) return names;
  if (option === "--fast" && args.length === 1) return FAST;
  const chosen = wanted.split(",").filter(Boolean);
  const unknown = chosen.filter((name) => !names.includes(name));
  if (option !== "--only" || rest.length > 0 || chosen.length === 0 || unknown.length > 0) {
    throw new Refusal(`npm test takes --fast, or --only with levels among ${names.join(",")}.`);
  }
  return chosen;
}

/**
 * Installs what the levels need. Answers as soon as Node's packages are there, with a promise of the rest.
 * @param {string[]} levels
 */
async function setUp(levels) {
  checkNode();
  const interpreter = findPython(process.env);
  mkdirSync(logs, { recursive: true });
  const steps = new Steps();
  const node = steps.run("Node packages", (step) => installNode(step, logs, env));
  const rest = Promise.all([
    steps
      .run("Python packages", (step) => installPython(step, { python: interpreter, venv, logs, env }))
      .then(() => steps.run("Python tools", () => installPythonTools({ venv, logs, env }))),
    node.then(() => levels.includes("browser") && steps.run("Chromium", () => ensureChromium(env))),
  ]);
  rest.catch(() => {}); // Whoever waits for it is told.
  await node;
  return { rest };
}

/** @param {string} project */
function vitest(project) {
  const report = join(reports, `${project}.json`);
  const args = [
    "run",
    "--project",
    project,
    "--reporter=default",
    "--reporter=json",
    `--outputFile.json=${report}`,
  ];
  return counted(bin("vitest"), args, { env }, report, readVitest);
}

/**
 * @param {string} name
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} more
 */
function pytest(name, args, more = {}) {
  const report = join(reports, `${name}.xml`);
  const options = { env: { ...env, ...more }, cwd: "gpu-worker" };
  return counted(python("pytest"), [...args, `--junitxml=${report}`], options, report, readJunit);
}

/** @param {string} suffix */
function hasTests(suffix) {
  return ["server", "app"].some(
    (folder) =>
      existsSync(folder) &&
      readdirSync(folder, { recursive: true }).some((file) => String(file).endsWith(suffix)),
  );
}

/**
 * @param {Count} a
 * @param {Count} b
 * @returns {Count}
 */
function add(a, b) {
  return {
    passed: a.passed + b.passed,
    failed: a.failed + b.failed,
    failures: [...(a.failures ?? []), ...(b.failures ?? [])],
  };
}
