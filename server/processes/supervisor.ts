/** Runs the whole product on one machine: wiring. `scripts/start.mjs` calls it once everything is built. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { migrate } from "../../db/migrate";
import { type ChildSpec, SupervisedChild } from "../platform/supervise/children";
import { SupervisedPostgres, whyUnreachable } from "../platform/supervise/database";
import { preparePostgresHome } from "../platform/supervise/postgres-home";
import { ensureSecrets, renewBootstrap } from "../platform/supervise/secrets";
import { terminal } from "../platform/supervise/terminal";
import { INSTANCE_VARIABLE, sweep } from "../platform/supervise/watchdog.mjs";

/** What `scripts/start.mjs` found out. */
interface Settings {
  readonly home: string;
  readonly instance: string;
  readonly venv: string;
  readonly nextDir: string;
  readonly buildDir: string;
  readonly port: number;
  readonly gatewayPort: number;
  readonly controllerPort: number;
  readonly agentMetricsPort: number;
  readonly rayPort: number;
  readonly url: string;
  readonly databaseUrl: string | undefined;
  readonly cluster: "local" | "none";
  readonly verbose: boolean;
  /** `performance.now()` at the start of the command. */
  readonly since: number;
}

const Health = z.object({ needsFirstAdmin: z.boolean(), cluster: z.enum(["none", "starting", "ready"]) });
type Health = z.infer<typeof Health>;

const CHILD_GRACE_MS = 5_000;
const HEALTH_INTERVAL_MS = 100;
/** Under npm one Ctrl-C arrives twice: from the terminal, and handed on by npm. */
const ONE_KEY_PRESS_MS = 500;

/**
 * Starts everything, prints where it is, and resolves once it has been stopped by a signal and nothing is
 * left. A second signal does not wait for anybody.
 *
 * @throws when the database cannot be reached, started or migrated; nothing is left then either
 */
export async function supervise(settings: Settings): Promise<void> {
  const { home, instance, since } = settings;
  const screen = terminal(settings.verbose, since);
  const stopping = stopSignal(instance);
  const secrets = join(home, "secrets");
  await ensureSecrets(secrets);

  const postgres = settings.databaseUrl ? null : await startPostgres(settings, screen.state);
  const children: SupervisedChild[] = [];
  const databaseUrl = settings.databaseUrl ?? postgres?.url ?? "";
  try {
    await prepareDatabase(databaseUrl);
    if (!stopping.aborted) {
      const env = environment(settings, databaseUrl);
      const base = { env, logs: join(home, "logs"), onLine: screen.line, onState: screen.state };
      children.push(...commands(settings).map((command) => new SupervisedChild({ ...base, ...command })));
    }
    await announce(settings, screen.say, stopping);
    if (!stopping.aborted) await new Promise((resolve) => stopping.addEventListener("abort", resolve));
  } finally {
    screen.say("Stopping…");
    await Promise.all(children.map((child) => child.stop(CHILD_GRACE_MS)));
    await sweep(instance);
    await postgres?.stop();
  }
  screen.say("Stopped; nothing is left running.");
}

/** Aborts at the first SIGINT, SIGTERM or SIGHUP; at the second everything is killed at once. */
function stopSignal(instance: string): AbortSignal {
  const controller = new AbortController();
  let first = 0;
  const onSignal = () => {
    if (!controller.signal.aborted) {
      first = performance.now();
      return controller.abort();
    }
    if (performance.now() - first < ONE_KEY_PRESS_MS) return;
    // Postgres is told by its own watchdog when this process has gone.
    void sweep(instance).then(() => process.exit(130));
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, onSignal);
  return controller.signal;
}

async function startPostgres({ home }: Settings, onState: ChildSpec["onState"]): Promise<SupervisedPostgres> {
  const options = await preparePostgresHome(home, join(home, "logs/postgres.log"));
  return SupervisedPostgres.start(options, (text) => onState("postgres", text));
}

async function prepareDatabase(url: string): Promise<void> {
  const cause = await whyUnreachable(url);
  if (cause)
    throw new Error(
      `DATABASE_URL: the database refuses us (${cause}); correct it, or unset it to use the embedded one.`,
    );
  await migrate(url);
}

/** What every child finds in its environment; whatever else was set is passed through. */
function environment(settings: Settings, databaseUrl: string): NodeJS.ProcessEnv {
  return {
    ...process.env,
    NODE_ENV: "production",
    NEXT_TELEMETRY_DISABLED: "1",
    PYTHONUNBUFFERED: "1",
    [INSTANCE_VARIABLE]: settings.instance,
    DATABASE_URL: databaseUrl,
    LATHE_HOME: settings.home,
    LATHE_VENV: settings.venv,
    LATHE_NEXT_DIR: settings.nextDir,
    LATHE_PORT: String(settings.port),
    LATHE_GATEWAY_PORT: String(settings.gatewayPort),
    LATHE_CONTROLLER_PORT: String(settings.controllerPort),
    LATHE_AGENT_METRICS_PORT: String(settings.agentMetricsPort),
    LATHE_RAY_PORT: String(settings.rayPort),
    LATHE_URL: settings.url,
    LATHE_CLUSTER: settings.cluster,
  };
}

function commands({
  port,
  buildDir,
  venv,
  cluster,
}: Settings): Pick<ChildSpec, "name" | "command" | "args">[] {
  const node = process.execPath;
  const next = ["node_modules/next/dist/bin/next", "start", "-H", "127.0.0.1", "-p", String(port)];
  const bundle = (name: string) => ["--enable-source-maps", join(buildDir, `${name}.mjs`)];
  return [
    { name: "web", command: node, args: next },
    { name: "controller", command: node, args: bundle("controller") },
    { name: "gateway", command: node, args: bundle("gateway") },
    ...(cluster === "local"
      ? [{ name: "cluster", command: join(venv, "bin/python"), args: ["-m", "gpu_worker.agent", "--local"] }]
      : []),
  ];
}

/** Says when the console can be used, how to sign in the first time, and when the cluster is there. */
async function announce(
  settings: Settings,
  say: (text: string) => void,
  stopping: AbortSignal,
): Promise<void> {
  const first = await healthWhen(settings, stopping, () => true);
  if (!first) return;
  say(`\nConsole ready: ${settings.url}`);
  if (first.needsFirstAdmin) {
    const token = await renewBootstrap(join(settings.home, "secrets"), Date.now());
    say(`Sign in once, within 15 minutes: ${settings.url}/welcome?token=${token}`);
  }
  if (!existsSync(join(settings.home, "data/fashion-mnist")))
    say("Without the sample project: its data could not be fetched.");
  if (settings.cluster === "none") return;
  const second = await healthWhen(settings, stopping, (health) => health.cluster === "ready");
  if (second) say("Cluster ready.");
}

/** Asks the console how it is until the answer suits, or a signal came. */
async function healthWhen(
  { port }: Settings,
  stopping: AbortSignal,
  suits: (health: Health) => boolean,
): Promise<Health | null> {
  while (!stopping.aborted) {
    const health = await fetch(`http://127.0.0.1:${port}/api/health`, { signal: AbortSignal.timeout(5_000) })
      .then(async (answer) => (answer.ok ? Health.parse(await answer.json()) : null))
      .catch(() => null); // Not up yet, or restarting; its log says which.
    if (health && suits(health)) return health;
    await delay(HEALTH_INTERVAL_MS);
  }
  return null;
}
