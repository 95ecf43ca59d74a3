// @ts-check
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isAlive, statOf } from "../../server/platform/supervise/processes.mjs";
import { Refusal } from "./refusal.mjs";

/**
 * @typedef {object} Owner
 * @property {number} pid
 * @property {string} startTime of the process; a pid alone may since belong to somebody else
 */

/**
 * Who owns a home folder at this moment.
 * @param {string} home
 * @returns {Owner | null} null when nobody does, or its owner has died
 */
export function ownerOf(home) {
  const owner = read(lockOf(home));
  return owner && isAlive(owner.pid, owner.startTime) ? owner : null;
}

/**
 * Makes this process the one owner of a home folder, until it ends. A dead owner's lock is taken over.
 * @param {string} home
 * @returns {() => void} gives the folder back
 * @throws {Refusal} when another live process owns it
 */
export function lockHome(home) {
  mkdirSync(home, { recursive: true, mode: 0o711 });
  const lock = lockOf(home);
  const mine = `${lock}.${process.pid}`;
  writeFileSync(mine, JSON.stringify({ pid: process.pid, startTime: statOf(process.pid)?.startTime ?? "" }));
  try {
    // link(2) fails when the name exists, so of two starters exactly one gets it, with its whole content.
    while (!tryLink(mine, lock)) {
      const owner = ownerOf(home);
      if (owner) {
        throw new Refusal(
          `Another Lathe (pid ${owner.pid}) runs on ${home}; stop it with Ctrl-C in its terminal (or kill ${owner.pid}), or set LATHE_HOME to another folder.`,
        );
      }
      setAside(lock, `${mine}.stale`);
    }
  } finally {
    rmSync(mine, { force: true });
  }
  return () => {
    if (read(lock)?.pid === process.pid) rmSync(lock, { force: true });
  };
}

/** @param {string} home */
const lockOf = (home) => join(home, "lock");

/**
 * Moves a dead owner's lock away. Should a third starter have renewed it in between, it is put back.
 * @param {string} lock
 * @param {string} aside
 */
function setAside(lock, aside) {
  try {
    renameSync(lock, aside);
  } catch {
    return; // Somebody else was faster; the caller looks again.
  }
  const moved = read(aside);
  if (moved && isAlive(moved.pid, moved.startTime)) tryLink(aside, lock);
  rmSync(aside, { force: true });
}

/**
 * @param {string} from
 * @param {string} to
 */
function tryLink(from, to) {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === "EEXIST") return false;
    throw error;
  }
}

/**
 * @param {string} file
 * @returns {Owner | null}
 */
function read(file) {
  try {
    const { pid, startTime } = JSON.parse(readFileSync(file, "utf8"));
    return Number.isInteger(pid) && typeof startTime === "string" ? { pid, startTime } : null;
  } catch {
    return null;
  }
}
