// @ts-check
/** How each kind of check is run, and how its report is counted. */
import { spawn } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";

/** @typedef {{ passed: number, failed: number, failures?: string[] }} Count `failures` names what failed, and why. */

/**
 * Runs a command with its output on the terminal.
 * @param {string} command
 * @param {string[]} args
 * @param {{ env: NodeJS.ProcessEnv, cwd?: string }} options
 * @returns {Promise<boolean>} whether it ended with 0
 */
export function run(command, args, { env, cwd }) {
  const child = spawn(command, args, { env, cwd, stdio: ["ignore", "inherit", "inherit"] });
  return new Promise((resolve) => {
    child.once("error", (error) => {
      console.error(`${command} could not be started: ${error.message}`);
      resolve(false);
    });
    child.once("exit", (code) => resolve(code === 0));
  });
}

/**
 * Runs the commands of a level side by side, for each keeps one core; each is one check that passes or fails.
 * @param {[string, string[], string?][]} commands command, arguments, folder
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<Count>}
 */
export async function checks(commands, env) {
  const passed = await Promise.all(
    commands.map(([command, args, cwd]) => run(command, args, cwd ? { env, cwd } : { env })),
  );
  const failures = commands
    .filter((_, i) => !passed[i])
    .map(([command, args]) => [command, ...args].join(" "));
  return { passed: commands.length - failures.length, failed: failures.length, failures };
}

/**
 * Runs a test runner and counts from the report that it writes. A runner that fails without a failed test
 * (it crashed, or a hook did) counts as one failure; one that wrote no report as well.
 * @param {string} command
 * @param {string[]} args
 * @param {{ env: NodeJS.ProcessEnv, cwd?: string }} options
 * @param {string} report
 * @param {(text: string) => Count} read
 * @returns {Promise<Count>}
 */
export async function counted(command, args, options, report, read) {
  rmSync(report, { force: true });
  const ok = await run(command, args, options);
  const count = existsSync(report) ? read(readFileSync(report, "utf8")) : { passed: 0, failed: 0 };
  return ok || count.failed > 0 ? count : { ...count, failed: 1 };
}

/**
 * @typedef {object} VitestFile
 * @property {string} name
 * @property {string} message
 * @property {{ status: string, fullName: string, failureMessages: string[] }[]} assertionResults
 */

/**
 * What failed with the first lines of why, for the end of a log of which often only the end is read.
 * @param {string} what
 * @param {string} [why]
 */
function because(what, why = "") {
  return [what, ...why.trim().split("\n").slice(0, 6)].join("\n    ");
}

/**
 * Vitest's JSON report.
 * @param {string} text
 * @returns {Count}
 */
export function readVitest(text) {
  const { numPassedTests, numFailedTests, testResults } = JSON.parse(text);
  // A file that could not be loaded fails without a test of its own.
  const broken = testResults.filter(
    (/** @type {{ status: string, assertionResults: unknown[] }} */ file) =>
      file.status === "failed" && file.assertionResults.length === 0,
  );
  const failures = testResults.flatMap((/** @type {VitestFile} */ { name, message, assertionResults }) =>
    assertionResults.length === 0 && message
      ? [because(name, message)]
      : assertionResults
          .filter(({ status }) => status === "failed")
          .map(({ fullName, failureMessages }) => because(`${name}: ${fullName}`, failureMessages[0])),
  );
  return { passed: numPassedTests, failed: numFailedTests + broken.length, failures };
}

/**
 * pytest's JUnit report.
 * @param {string} text
 * @returns {Count}
 */
export function readJunit(text) {
  const suite = /<testsuite [^>]*>/.exec(text)?.[0] ?? "";
  const number = (/** @type {string} */ name) =>
    Number(new RegExp(`\\b${name}="(\\d+)"`).exec(suite)?.[1] ?? 0);
  const failed = number("failures") + number("errors");
  const failures = [...text.matchAll(/<testcase ([^>]*)>\s*<(?:failure|error) message="([^"]*)"/g)].map(
    ([, attributes = "", why]) =>
      because(
        attributes.replace(/.*classname="([^"]*)" name="([^"]*)".*/, "$1 $2"),
        why?.replaceAll("&#10;", "\n"),
      ),
  );
  return { passed: number("tests") - failed - number("skipped"), failed, failures };
}

/**
 * Playwright's JSON report.
 * @param {string} text
 * @returns {Count}
 */
export function readPlaywright(text) {
  const { stats, errors, suites } = JSON.parse(text);
  const failures = [
    ...errors.map((/** @type {{ message: string }} */ { message }) => because("playwright", message)),
    ...suites.flatMap(failedSpecs),
  ];
  return { passed: stats.expected, failed: stats.unexpected + stats.flaky + errors.length, failures };
}

/**
 * @typedef {object} Suite
 * @property {Suite[]} [suites]
 * @property {{ title: string, file: string, ok: boolean, tests: { results: { error?: { message?: string } }[] }[] }[]} specs
 */

/**
 * @param {Suite} suite
 * @returns {string[]}
 */
function failedSpecs({ suites = [], specs }) {
  const failed = specs
    .filter(({ ok }) => !ok)
    .map(({ file, title, tests }) =>
      because(
        `${file}: ${title}`,
        tests.flatMap(({ results }) => results).find(({ error }) => error)?.error?.message,
      ),
    );
  return [...failed, ...suites.flatMap(failedSpecs)];
}
