// @ts-check
/** `npm run reset`: deletes an instance's data, after asking. */
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline/promises";
import { ownerOf } from "./lib/lock.mjs";
import { exitWith, Refusal } from "./lib/refusal.mjs";
import { readSettings } from "./lib/settings.mjs";

process.chdir(resolve(import.meta.dirname, ".."));

/** The environment, the sample data and the installation can be had again; these are people's. */
const DATA = ["postgres", "blobs", "uploads", "secrets", "gateway", "ray", "run", "logs"];

try {
  await reset();
} catch (error) {
  exitWith(error);
}

async function reset() {
  const { home, instance, databaseUrl } = readSettings(process.env);
  const owner = ownerOf(home);
  if (owner)
    throw new Refusal(
      `A Lathe (pid ${owner.pid}) runs on ${home}; stop it first with Ctrl-C in its terminal.`,
    );
  if (!existsSync(home)) return console.log(`${home} does not exist: nothing to delete.`);
  if (databaseUrl) console.log("DATABASE_URL is set: that database is not touched.");
  if (!process.argv.includes("--yes") && !(await isConfirmed(home)))
    return console.log("Nothing was deleted.");

  const record = join(home, "postgres.path");
  const elsewhere = existsSync(record) ? [readFileSync(record, "utf8").trim()] : [];
  // Only a folder that we named ourselves is deleted outside of the home.
  const ours = elsewhere.filter(
    (path) => path === join(home, "postgres") || path.endsWith(`/lathe-${instance}`),
  );
  for (const path of [
    ...ours,
    ...DATA.map((name) => join(home, name)),
    `/tmp/lathe-${instance}`,
    `/tmp/lathe-${instance}-pg`,
  ]) {
    rmSync(path, { recursive: true, force: true });
  }
  rmSync(record, { force: true });
  console.log(`Deleted the data in ${home}. Installed packages and the sample data stay.`);
}

/** @param {string} home */
async function isConfirmed(home) {
  if (!process.stdin.isTTY) throw new Refusal("Nobody is there to ask; run: npm run reset -- --yes");
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await terminal.question(
    `Delete all models, runs, accounts and settings in ${home}? Type "delete": `,
  );
  terminal.close();
  return answer.trim() === "delete";
}
