// @ts-check
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { digestOf, onceFor } from "./stamp.mjs";
import { command } from "./steps.mjs";

/** @typedef {import("./settings.mjs").Settings} Settings */

const SOURCES = [
  "app",
  "components",
  "server",
  "db",
  "instrumentation.ts",
  "next.config.js",
  "postcss.config.mjs",
  "tsconfig.json",
  "package-lock.json",
];
const PROCESSES = ["supervisor", "controller", "gateway"];
const REMEDY = "mend what it names, then start again";

const digest = () => digestOf(SOURCES.filter((path) => existsSync(path)));

/**
 * Bundles the processes that Node runs directly; packages stay outside the bundles.
 * @param {Settings} settings
 * @param {string} logs
 * @param {NodeJS.ProcessEnv} env
 */
export async function buildProcesses({ buildDir }, logs, env) {
  mkdirSync(buildDir, { recursive: true });
  const done = await onceFor(join(buildDir, ".lathe-stamp"), digest(), () =>
    command(
      "node_modules/.bin/esbuild",
      [
        ...PROCESSES.map((name) => `server/processes/${name}.ts`),
        ...["--bundle", "--platform=node", "--target=node20", "--format=esm", "--packages=external"],
        ...["--sourcemap", "--out-extension:.js=.mjs", `--outdir=${buildDir}`, "--log-level=warning"],
      ],
      { log: join(logs, "build-processes.log"), env, remedy: REMEDY },
    ),
  );
  return done ? PROCESSES.join(", ") : "up to date";
}

/**
 * Builds the console.
 * @param {import("./steps.mjs").Step} step
 * @param {Settings} settings
 * @param {string} logs
 * @param {NodeJS.ProcessEnv} env
 */
export async function buildWeb(step, { nextDir }, logs, env) {
  mkdirSync(nextDir, { recursive: true });
  const done = await onceFor(join(nextDir, ".lathe-stamp"), digest(), () =>
    command("node", ["node_modules/next/dist/bin/next", "build"], {
      log: join(logs, "build-web.log"),
      env: { ...env, LATHE_NEXT_DIR: nextDir, NEXT_TELEMETRY_DISABLED: "1", NODE_ENV: "production" },
      onLine: (line) => step.says(stripVTControlCharacters(line).trim().slice(0, 60)),
      remedy: REMEDY,
    }),
  );
  return done ? "" : "up to date";
}
