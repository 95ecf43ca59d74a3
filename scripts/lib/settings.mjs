// @ts-check
import { createHash } from "node:crypto";
import { join, resolve } from "node:path";
import { Refusal } from "./refusal.mjs";

/** How many ports in a row the local Ray cluster takes, from `LATHE_RAY_PORT` on. */
export const RAY_PORTS = 6;

/**
 * @typedef {object} Settings what one instance is: its folders, ports and addresses
 * @property {string} home
 * @property {string} instance eight hex digits that name the home
 * @property {string} venv
 * @property {string} nextDir
 * @property {string} buildDir
 * @property {number} port
 * @property {number} gatewayPort
 * @property {number} controllerPort metrics and health of the controller
 * @property {number} agentMetricsPort the same of the local agent
 * @property {number} rayPort
 * @property {string} url
 * @property {string | undefined} databaseUrl absent: an embedded Postgres
 * @property {"local" | "none"} cluster
 * @property {boolean} verbose
 */

/**
 * Reads the environment, with a default for everything.
 * @param {NodeJS.ProcessEnv} environment
 * @returns {Settings}
 * @throws {Refusal} naming the variable, what was found and what is allowed
 */
export function readSettings(environment) {
  const home = resolve(environment.LATHE_HOME || ".lathe");
  const port = portOf(environment, "LATHE_PORT", 7400);
  const gatewayPort = portOf(environment, "LATHE_GATEWAY_PORT", 7401);
  const controllerPort = portOf(environment, "LATHE_CONTROLLER_PORT", 7402);
  const agentMetricsPort = portOf(environment, "LATHE_AGENT_METRICS_PORT", 7403);
  const rayPort = portOf(environment, "LATHE_RAY_PORT", 7410, RAY_PORTS);
  const cluster = environment.LATHE_CLUSTER || "local";
  if (cluster !== "local" && cluster !== "none") {
    throw new Refusal(`LATHE_CLUSTER is "${cluster}"; set it to "local" or "none".`);
  }
  refuseSharedPorts(
    {
      LATHE_PORT: port,
      LATHE_GATEWAY_PORT: gatewayPort,
      LATHE_CONTROLLER_PORT: controllerPort,
      LATHE_AGENT_METRICS_PORT: agentMetricsPort,
    },
    rayPort,
  );
  return {
    home,
    instance: createHash("sha256").update(home).digest("hex").slice(0, 8),
    venv: resolve(environment.LATHE_VENV || join(home, "venv")),
    nextDir: environment.LATHE_NEXT_DIR || ".next",
    buildDir: environment.LATHE_BUILD_DIR || ".build",
    port,
    gatewayPort,
    controllerPort,
    agentMetricsPort,
    rayPort,
    url: urlOf(environment, "LATHE_URL", ["http:", "https:"]) ?? `http://127.0.0.1:${port}`,
    databaseUrl: urlOf(environment, "DATABASE_URL", ["postgres:", "postgresql:"]),
    cluster,
    verbose: environment.LATHE_VERBOSE === "1",
  };
}

/**
 * @param {NodeJS.ProcessEnv} environment
 * @param {string} name
 * @param {number} fallback
 * @param {number} [count] how many ports in a row are taken
 */
function portOf(environment, name, fallback, count = 1) {
  const text = environment[name];
  if (!text) return fallback;
  const highest = 65_536 - count;
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (port >= 1024 && port <= highest) return port;
  throw new Refusal(`${name} is "${text}"; set it to a port from 1024 to ${highest}.`);
}

/**
 * @param {Record<string, number>} ports by the variable that names each
 * @param {number} rayPort
 */
function refuseSharedPorts(ports, rayPort) {
  const inRay = (/** @type {number} */ p) => p >= rayPort && p < rayPort + RAY_PORTS;
  /** @type {Map<number, string>} */
  const taken = new Map();
  for (const [name, value] of Object.entries(ports)) {
    const other = taken.get(value);
    if (other) throw new Refusal(`${other} and ${name} are both ${value}; change one.`);
    taken.set(value, name);
    if (!inRay(value)) continue;
    const range = `${rayPort} to ${rayPort + RAY_PORTS - 1}`;
    throw new Refusal(
      `${name} is ${value}, which lies in Ray's ports ${range}; change it or LATHE_RAY_PORT.`,
    );
  }
}

/**
 * @param {NodeJS.ProcessEnv} environment
 * @param {string} name
 * @param {string[]} protocols
 */
function urlOf(environment, name, protocols) {
  const text = environment[name];
  if (!text) return undefined;
  // A database on a Unix socket has no host, which URL refuses: "postgres://user@/name?host=/folder".
  const url = URL.canParse(text) ? new URL(text) : tryUrl(text.replace("@/", "@localhost/"));
  if (url && protocols.includes(url.protocol)) return text;
  // The value may hold a password, so it is not shown.
  throw new Refusal(
    `${name} is not an address that starts with ${protocols.map((p) => `${p}//`).join(" or ")}; correct or unset it.`,
  );
}

/** @param {string} text */
function tryUrl(text) {
  return URL.canParse(text) ? new URL(text) : null;
}
