// @ts-check
/**
 * What Linux says about processes. Plain JavaScript without dependencies: `npm start` uses it before
 * anything is installed.
 */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/**
 * @typedef {object} ProcessStat
 * @property {string} state one letter of proc(5): R, S, D, Z…
 * @property {number} parent pid of the parent
 * @property {number} session id of the session
 * @property {string} startTime clock ticks after boot; with the pid it names a process for good
 */

/**
 * Reads `/proc/<pid>/stat`.
 * @param {number} pid
 * @returns {ProcessStat | null} null when no such process exists
 */
export function statOf(pid) {
  let text;
  try {
    text = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return null;
  }
  // The command's name stands in parentheses and may itself hold spaces and parentheses.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return {
    state: fields[0] ?? "",
    parent: Number(fields[1]),
    session: Number(fields[3]),
    startTime: fields[19] ?? "",
  };
}

/**
 * Whether a process runs; a zombie holds nothing any more and counts as dead.
 * @param {number} pid
 * @param {string} [startTime] when given, the process must also have started then
 */
export function isAlive(pid, startTime) {
  const stat = statOf(pid);
  return stat !== null && stat.state !== "Z" && (startTime === undefined || stat.startTime === startTime);
}

/** @returns {number[]} every pid that this machine shows us */
export function allPids() {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

/**
 * @param {number} pid
 * @returns {string} the command line, or "" for a process that is gone or not ours to see
 */
export function commandOf(pid) {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim();
  } catch {
    return "";
  }
}

/**
 * @param {number} pid
 * @returns {string | null} the working directory, or null where it cannot be read
 */
export function directoryOf(pid) {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return null;
  }
}
