// @ts-check
/**
 * `npm run boundaries`: who may import whom, in TypeScript (dependency-cruiser) and Python (import-linter).
 * Seeing no module is a failure, and a committed fixture that breaks rules proves that the check can fail.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join, resolve } from "node:path";
import { cruise } from "dependency-cruiser";
import extractConfig from "dependency-cruiser/config-utl/extract-depcruise-config";
import extractTSConfig from "dependency-cruiser/config-utl/extract-ts-config";
import { readSettings } from "./lib/settings.mjs";

process.chdir(resolve(import.meta.dirname, ".."));

const SOURCES = ["app", "components", "db", "server"];
const FIXTURE = "scripts/fixtures/boundaries";
const FIXTURE_BREAKS = [
  "slice-internals",
  "platform-knows-no-slice",
  "components-see-contracts-only",
  "components-slice-to-slice",
  "schema-knows-schema",
];

const failures = [...(await checkTypeScript()), ...(await checkFixture()), ...checkPython()];
for (const failure of failures) console.error(`✗ ${failure}`);
process.exit(failures.length > 0 ? 1 : 0);

/** @param {string[]} paths */
async function cruiseThrough(paths) {
  const config = await extractConfig(resolve(".dependency-cruiser.cjs"));
  const { output } = await cruise(paths, { ...config.options, ruleSet: config, validate: true }, undefined, {
    tsConfig: extractTSConfig("tsconfig.json"),
  });
  if (typeof output === "string")
    throw new Error("dependency-cruiser answered text where a result was asked for");
  return output;
}

async function checkTypeScript() {
  const { modules, summary } = await cruiseThrough(SOURCES);
  const own = modules.filter(({ source }) => SOURCES.some((folder) => source.startsWith(`${folder}/`)));
  console.log(
    `${own.length} TypeScript modules checked against ${summary.ruleSetUsed?.forbidden?.length ?? 0} rules`,
  );
  if (own.length === 0) return ["dependency-cruiser saw no module; is its TypeScript older than 7?"];
  return summary.violations.map(({ from, to, rule }) => `${rule.name}: ${from} → ${to}`);
}

async function checkFixture() {
  const { summary } = await cruiseThrough([FIXTURE]);
  const found = new Set(summary.violations.map(({ rule }) => rule.name));
  console.log(`${FIXTURE_BREAKS.length} rules proved able to fail`);
  return FIXTURE_BREAKS.filter((name) => !found.has(name)).map(
    (name) => `${FIXTURE} breaks ${name}, which went unseen`,
  );
}

function checkPython() {
  const tool = join(readSettings(process.env).venv, "bin/lint-imports");
  if (!existsSync(tool)) return [`${tool} is missing; run: npm test, which installs it`];
  const path = [resolve("gpu-worker/src"), process.env.PYTHONPATH].filter(Boolean).join(delimiter);
  const result = spawnSync(tool, ["--config", "pyproject.toml", "--no-cache"], {
    cwd: "gpu-worker",
    encoding: "utf8",
    env: { ...process.env, PYTHONPATH: path },
  });
  const counted = /Analyzed (\d+) files/.exec(result.stdout)?.[1] ?? "0";
  const kept = /Contracts: (\d+) kept/.exec(result.stdout)?.[1] ?? "0";
  console.log(`${counted} Python modules checked against ${kept} contracts`);
  if (result.status === 0 && Number(counted) > 0 && Number(kept) > 0) return [];
  return [`import-linter:\n${result.stdout}${result.stderr}`];
}
