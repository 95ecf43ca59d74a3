// @ts-check
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, readlinkSync, statfsSync } from "node:fs";
import { connect, createServer } from "node:net";
import { dirname } from "node:path";
import { allPids, commandOf } from "../../server/platform/supervise/processes.mjs";
import { Refusal } from "./refusal.mjs";
import { RAY_PORTS } from "./settings.mjs";

/** @typedef {import("./settings.mjs").Settings} Settings */

const NODE = [20, 19];
const PYTHON = [3, 11];
/** A first start writes about 2.5 GB: packages, torch, the sample data, the build. */
const FIRST_START_BYTES = 3e9;
const LATER_START_BYTES = 3e8;
const CONNECT_LIMIT_MS = 5_000;

/** @throws {Refusal} when this Node is too old */
export function checkNode() {
  const found = process.versions.node.split(".").map(Number);
  if (!isAtLeast(found, NODE)) {
    throw new Refusal(`Node ${process.versions.node} is too old; install Node ${NODE.join(".")} or newer.`);
  }
}

/**
 * @param {NodeJS.ProcessEnv} environment `PYTHON` may name the interpreter
 * @returns {string} the interpreter
 * @throws {Refusal} when there is none, it is too old, or it cannot make virtual environments
 */
export function findPython(environment) {
  const python = environment.PYTHON || "python3";
  const wanted = PYTHON.join(".");
  let version;
  try {
    version = run(python, ["-c", "import sys; print('%d.%d.%d' % sys.version_info[:3])"]);
  } catch {
    throw new Refusal(
      `No Python found as "${python}"; install Python ${wanted} or newer (Debian: apt install python3 python3-venv), or set PYTHON to it.`,
    );
  }
  if (!isAtLeast(version.split(".").map(Number), PYTHON)) {
    throw new Refusal(
      `Python ${version} ("${python}") is too old; install Python ${wanted} or newer, or set PYTHON to one.`,
    );
  }
  try {
    run(python, ["-c", "import venv, ensurepip"]);
  } catch {
    throw new Refusal(
      `Python ${version} cannot make virtual environments; install its venv module (Debian: apt install python3-venv).`,
    );
  }
  return python;
}

/**
 * @param {Settings} settings
 * @param {boolean} isFirst whether everything still has to be installed
 * @throws {Refusal} when the disk of the data, or of what gets installed, is too full
 */
export function checkDisk({ home, venv }, isFirst) {
  const needed = isFirst ? FIRST_START_BYTES : LATER_START_BYTES;
  /** @type {[folder: string, remedy: string][]} */
  const written = [
    [home, "set LATHE_HOME to a folder on another disk"],
    [venv, "set LATHE_VENV to a folder on another disk"],
    [process.cwd(), "clone Lathe to another disk"],
  ];
  for (const [folder, remedy] of written) {
    let at = folder;
    while (!existsSync(at)) at = dirname(at);
    const { bavail, bsize } = statfsSync(at);
    if (bavail * bsize >= needed) continue;
    const gigabytes = (/** @type {number} */ bytes) => (bytes / 1e9).toFixed(1);
    throw new Refusal(
      `The disk of ${at} has ${gigabytes(bavail * bsize)} GB free and ${gigabytes(needed)} GB are needed; free some, or ${remedy}.`,
    );
  }
}

/**
 * @param {Settings} settings
 * @throws {Refusal} naming the first port that is taken, its variable, and who holds it where that can be seen
 */
export async function checkPorts({ port, gatewayPort, controllerPort, agentMetricsPort, rayPort, cluster }) {
  /** @type {[string, number][]} */
  const wanted = [
    ["LATHE_PORT", port],
    ["LATHE_GATEWAY_PORT", gatewayPort],
    ["LATHE_CONTROLLER_PORT", controllerPort],
  ];
  if (cluster === "local") {
    wanted.push(["LATHE_AGENT_METRICS_PORT", agentMetricsPort]);
    for (let i = 0; i < RAY_PORTS; i++) wanted.push(["LATHE_RAY_PORT", rayPort + i]);
  }
  for (const [name, number] of wanted) {
    if (await isFree(number)) continue;
    const holder = holderOf(number);
    const by = holder ? ` by ${holder}` : "";
    throw new Refusal(`Port ${number} is taken${by}; stop that, or set ${name} to another port.`);
  }
}

/**
 * Whether something answers where the database should be. Only the connection: no driver is installed yet.
 * @param {string} databaseUrl
 * @throws {Refusal} when nothing does
 */
export async function checkDatabaseAnswers(databaseUrl) {
  const url = new URL(databaseUrl.replace("@/", "@localhost/"));
  const host = url.searchParams.get("host") || url.hostname || "localhost";
  const port = Number(url.searchParams.get("port") || url.port || 5432);
  const address = host.startsWith("/")
    ? { path: `${host}/.s.PGSQL.${port}` }
    : { host: host.replace(/^\[|\]$/g, ""), port };
  const cause = await new Promise((resolve) => {
    const socket = connect(address);
    socket.setTimeout(CONNECT_LIMIT_MS, () =>
      socket.destroy(new Error(`no answer in ${CONNECT_LIMIT_MS / 1000} s`)),
    );
    socket.once("connect", () => resolve(socket.end() && null));
    socket.once("error", (error) => resolve(("code" in error && error.code) || error.message));
  });
  if (cause === null) return;
  throw new Refusal(
    `DATABASE_URL: nothing answers at ${host}:${port} (${cause}); start that database, correct the address, or unset it to use the embedded one.`,
  );
}

/**
 * @param {number} port
 * @returns {Promise<boolean>}
 */
export function isFree(port) {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ port, host: "127.0.0.1", exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/**
 * The process that listens on a port, as far as we may see: its socket's inode is in /proc/net, and among
 * the open files of its owner.
 * @param {number} port
 * @returns {string | null}
 */
function holderOf(port) {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  for (const table of ["/proc/net/tcp", "/proc/net/tcp6"]) {
    if (!existsSync(table)) continue;
    for (const line of readFileSync(table, "utf8").split("\n").slice(1)) {
      const [, local, , state, , , , , , inode] = line.trim().split(/\s+/);
      if (!local?.endsWith(suffix) || state !== "0A") continue;
      const pid = allPids().find((candidate) => hasOpen(candidate, `socket:[${inode}]`));
      if (pid) return `pid ${pid} (${commandOf(pid).slice(0, 60)})`;
    }
  }
  return null;
}

/**
 * @param {number} pid
 * @param {string} target
 */
function hasOpen(pid, target) {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`) === target);
  } catch {
    return false; // Gone by now, or another user's.
  }
}

/**
 * @param {(number | undefined)[]} found
 * @param {number[]} wanted
 */
function isAtLeast([major = 0, minor = 0], [wantedMajor = 0, wantedMinor = 0]) {
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}

/**
 * @param {string} command
 * @param {string[]} args
 */
function run(command, args) {
  return execFileSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
}
