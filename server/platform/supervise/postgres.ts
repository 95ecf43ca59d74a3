import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { open, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Client } from "pg";
import { directoryOf, isAlive } from "./processes.mjs";
import { interruptWhenOwnerDies } from "./watchdog.mjs";

const SUPERUSER = "lathe";
const START_LIMIT_MS = 60_000;
const ORPHAN_LIMIT_MS = 10_000;

/** Modest figures for a server that shares its machine with training. */
const SETTINGS: Readonly<Record<string, string>> = {
  shared_buffers: "128MB",
  max_connections: "100",
  fsync: "on",
  wal_compression: "pglz",
  timezone: "UTC",
  log_timezone: "UTC",
  log_min_duration_statement: "1000",
};

/** Everything that a Postgres of our own needs to know; `postgres-home.ts` finds the places. */
export interface PostgresOptions {
  /** Folder with `bin/`, `lib/` and `share/`, reachable by `account`. */
  readonly binaries: string;
  /** The cluster's data folder; made on the first start. */
  readonly data: string;
  /** Folder for the Unix socket, made by the caller; its path must stay below about 90 characters. */
  readonly sockets: string;
  /** Where the server's log is appended. */
  readonly log: string;
  /** The account to run as; Postgres refuses to run as root. Absent: our own. */
  readonly account?: { readonly uid: number; readonly gid: number };
  /** Changes to the server's settings, e.g. `{ fsync: "off" }` in tests. */
  readonly settings?: Readonly<Record<string, string>>;
  /** How long a live owner of the data folder is given to finish, in ms; by default 10 s. */
  readonly patience?: number;
}

/** A running server. */
export interface Postgres {
  readonly pid: number;
  /** Resolves when the server has ended, for whatever reason. */
  readonly ended: Promise<void>;
  /** The address of one of its databases, as node-postgres reads it. */
  url(database?: string): string;
  /** Shuts down in order; open transactions are rolled back. Resolves when the process is gone. */
  stop(): Promise<void>;
}

/**
 * Starts Postgres on a data folder, which is initialised when it does not exist yet, and resolves once it
 * accepts connections. The server listens on a Unix socket only and dies within about 100 ms of this
 * process, kill -9 included.
 *
 * @throws when another live server owns the folder (it is never taken away from it) or the start fails,
 * with the end of the server's log
 */
export async function startPostgres(options: PostgresOptions): Promise<Postgres> {
  if (!existsSync(join(options.data, "PG_VERSION"))) await initialise(options);
  await clearStalePidFile(options.data, options.patience ?? ORPHAN_LIMIT_MS);

  const settings = { ...SETTINGS, ...options.settings };
  const log = await open(options.log, "a");
  const server = spawn(
    join(options.binaries, "bin/postgres"),
    [
      ...["-D", options.data, "-k", options.sockets],
      ...["-c", "listen_addresses=", "-c", "unix_socket_permissions=0700"],
      ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
    ],
    { ...circumstances(options), stdio: ["ignore", log.fd, log.fd] },
  );
  const ended = once(server, "exit").then(() => {});
  ended.catch(() => {}); // A failed spawn is reported below.
  await log.close();
  const pid = await pidOf(server);
  const callOff = interruptWhenOwnerDies(pid);
  void ended.finally(callOff);

  await waitUntilReady(options, server, pid);
  await createDatabase(urlOf(options.sockets, "postgres"), SUPERUSER);
  return {
    pid,
    ended,
    url: (database = SUPERUSER) => urlOf(options.sockets, database),
    stop: () => stop(server, ended),
  };
}

/** `host` as a parameter: a socket's folder holds slashes, which no URL's host may. */
function urlOf(sockets: string, database: string): string {
  return `postgres://${SUPERUSER}@localhost/${database}?host=${sockets}`;
}

/** The working folder may be closed to the account that we drop to; the binaries' is not. */
function circumstances({ account, binaries }: PostgresOptions) {
  const env = { PATH: "/usr/bin:/bin", LC_ALL: "C", TZ: "UTC", NODE_ENV: "production" } as const;
  return { ...account, cwd: binaries, env, detached: true };
}

async function pidOf(child: ChildProcess): Promise<number> {
  if (child.pid === undefined) {
    const [error] = await once(child, "error");
    throw new Error(`Postgres could not be started: ${String(error)}`);
  }
  return child.pid;
}

/** Makes the data folder under another name first, so that a half-made one is never taken for whole. */
async function initialise(options: PostgresOptions): Promise<void> {
  const draft = `${options.data}.new`;
  await rm(draft, { recursive: true, force: true });
  const child = spawn(
    join(options.binaries, "bin/initdb"),
    [
      ...["-D", draft, "-U", SUPERUSER, "--auth=trust", "--data-checksums", "--no-instructions"],
      ...["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"],
    ],
    { ...circumstances(options), stdio: ["ignore", "pipe", "pipe"] },
  );
  let output = "";
  child.stdout.on("data", (chunk) => (output += chunk));
  child.stderr.on("data", (chunk) => (output += chunk));
  const callOff = interruptWhenOwnerDies(await pidOf(child));
  const [code] = await once(child, "close");
  callOff();
  if (code !== 0) {
    await rm(draft, { recursive: true, force: true });
    throw new Error(`Postgres could not make its data folder ${options.data}: ${output.trim()}`);
  }
  await rename(draft, options.data);
}

/**
 * `postmaster.pid` outlives a crash, and its pid may since belong to a zombie or to a stranger; Postgres
 * itself would refuse to start. Only a live process that works in this very folder is its owner, and
 * one whose own supervisor was just killed is given the time to finish.
 */
async function clearStalePidFile(data: string, patience: number): Promise<void> {
  const file = join(data, "postmaster.pid");
  const deadline = Date.now() + patience;
  for (;;) {
    const pid = Number((await readIfThere(file)).split("\n")[0]);
    if (!pid) return;
    if (!isAlive(pid) || directoryOf(pid) !== data) break;
    if (Date.now() > deadline) {
      throw new Error(`Postgres (pid ${pid}) already runs on ${data}; stop it with: kill -INT ${pid}`);
    }
    await delay(50);
  }
  await rm(file, { force: true });
}

async function readIfThere(file: string): Promise<string> {
  return existsSync(file) ? await readFile(file, "utf8").catch(() => "") : "";
}

/** The eighth line of `postmaster.pid` is the server's state. */
async function waitUntilReady(
  { data, log }: PostgresOptions,
  server: ChildProcess,
  pid: number,
): Promise<void> {
  const deadline = Date.now() + START_LIMIT_MS;
  for (;;) {
    const lines = (await readIfThere(join(data, "postmaster.pid"))).split("\n");
    if (Number(lines[0]) === pid && lines[7]?.trim() === "ready") return;
    if (server.exitCode !== null || server.signalCode !== null || Date.now() > deadline) {
      server.kill("SIGQUIT");
      const tail = (await readFile(log, "utf8")).trimEnd().split("\n").slice(-5).join("\n");
      throw new Error(`Postgres did not start on ${data}. The end of ${log}:\n${tail}`);
    }
    await delay(20);
  }
}

async function createDatabase(adminUrl: string, name: string): Promise<void> {
  const client = new Client({ connectionString: adminUrl });
  await client.connect();
  try {
    const found = await client.query("select 1 from pg_database where datname = $1", [name]);
    if (found.rowCount === 0) await client.query(`create database ${client.escapeIdentifier(name)}`);
  } finally {
    await client.end();
  }
}

/** "Fast" shutdown first; "immediate", which recovers from the log at the next start, if that hangs. */
async function stop(server: ChildProcess, ended: Promise<void>): Promise<void> {
  server.kill("SIGINT");
  const timer = setTimeout(() => server.kill("SIGQUIT"), 4_000);
  await ended;
  clearTimeout(timer);
}
