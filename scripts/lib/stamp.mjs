// @ts-check
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Tests and their data change nothing that a build makes. */
const NO_SOURCE = /(^|\/)(node_modules|__pycache__|\.[^/]*|[^/]*\.test\.[a-z]+)$/;

/**
 * A digest of files' names and contents.
 * @param {string[]} paths files and folders; folders count with all that is in them
 * @param {string[]} [extra] other things that the result depends on
 * @returns {string}
 */
export function digestOf(paths, extra = []) {
  const hash = createHash("sha256");
  for (const text of extra) hash.update(`${text}\0`);
  for (const path of paths) add(hash, path);
  return hash.digest("hex");
}

/**
 * @param {import("node:crypto").Hash} hash
 * @param {string} path
 */
function add(hash, path) {
  if (NO_SOURCE.test(path)) return;
  if (!statSync(path).isDirectory()) {
    hash.update(`${path}\0`).update(readFileSync(path));
    return;
  }
  for (const name of readdirSync(path).sort()) add(hash, join(path, name));
}

/**
 * Does a piece of work only when its result is not there yet. The stamp is written last and removed first,
 * so that work which was cut off is done again.
 * @param {string} file the stamp
 * @param {string} digest what the result is made from
 * @param {() => Promise<void>} work
 * @returns {Promise<boolean>} whether it had to be done
 */
export async function onceFor(file, digest, work) {
  if (isStamped(file, digest)) return false;
  rmSync(file, { force: true });
  await work();
  writeFileSync(file, digest);
  return true;
}

/**
 * @param {string} file
 * @param {string} digest
 */
export function isStamped(file, digest) {
  try {
    return readFileSync(file, "utf8") === digest;
  } catch {
    return false;
  }
}
