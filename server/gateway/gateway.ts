/**
 * The inference data plane: Open Inference V2 in front of the replicas. It reads one route table at a
 * time, looks into no body, and goes on serving while the database is away.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { join } from "node:path";
import { Pool } from "pg";
import { DatabaseClock } from "../platform/clock";
import { log } from "../platform/log";
import { Batches } from "./batches";
import { Budget } from "./budget";
import { type Caller, CallerDirectory } from "./callers";
import { environmentOf } from "./contract";
import { RouteFeed } from "./feed";
import { forward, replicaAgent } from "./forward";
import { requestIdOf } from "./headers";
import { askReady, Health } from "./health";
import { HOLD, Holding, type HoldLimits } from "./holding";
import { RateLimits } from "./limits";
import { Meter } from "./meter";
import { Mirror } from "./mirror";
import { Operators } from "./operators";
import { askTime, insertWake, storeColdStart, storeCounts } from "./repo";
import { type Arms, Routes, type ServedVersion, type Target } from "./table";
import { answer, parsePath, refuse, type V2Path } from "./v2";

const FLUSH_MS = 5_000;
const DRAIN_MS = 10_000;
const SWEEP_MS = 20;
const BODIES_BYTES = 256 * 2 ** 20;
const SERVER = { name: "lathe", version: "2", extensions: ["binary_tensor_data"] };

export interface GatewayOptions {
  databaseUrl: string;
  /** Folder of its own: `routes.json`, `tokens.json`. */
  folder: string;
  host: string;
  /** 0 takes a free one. */
  port: number;
  /** The same after a restart. */
  gatewayId: string;
  serverKey: string;
  /** The token that a replica takes, by its id. */
  replicaToken(replicaId: string): string;
  maxBodyBytes: number;
  /** How long a replica may take to answer. */
  answerMs: number;
  /** This host's clock, Unix milliseconds. */
  hostClock?: () => number;
  /** Of requests for a version that sleeps. */
  hold?: HoldLimits;
  /** Who may read the metrics, by the header `authorization`; absent: whoever reaches this gateway. */
  mayScrape?(authorization: string | undefined): boolean;
  /** What bodies may take of this process's memory in sum; what comes beyond streams through. */
  bodiesBytes?: number;
}

export interface Gateway {
  url: string;
  /** Takes no new request, lets those in flight finish, stores the last counts. */
  close(): Promise<void>;
}

/** Starts a gateway; it listens once the last good table, or the database's, is in force. */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const pool = new Pool({
    connectionString: options.databaseUrl,
    max: 2,
    connectionTimeoutMillis: 2000,
    query_timeout: 5000,
    // The asker has gone by then.
    statement_timeout: 5000,
  });
  pool.on("error", () => {});
  const clock = new DatabaseClock(() => askTime(pool), options.hostClock);
  const routes = new Routes(options.replicaToken);
  const meter = new Meter();
  const holding = new Holding(wakerOf(pool, options.gatewayId, routes), options.hold ?? HOLD);
  const callers = new CallerDirectory({
    pool,
    file: join(options.folder, "tokens.json"),
    serverKey: options.serverKey,
    now: clock.now,
  });
  const feed = new RouteFeed({
    pool,
    databaseUrl: options.databaseUrl,
    file: join(options.folder, "routes.json"),
    gatewayId: options.gatewayId,
    now: clock.now,
    apply: (table) => {
      routes.swap(table);
      holding.tableChanged();
    },
  });
  const closing = new AbortController();
  void clock.follow(closing.signal);
  await Promise.all([feed.start(), callers.start()]);

  const agent = replicaAgent();
  const batches = new Batches();
  const operators = new Operators({ meter, batches, holding, routes, feed }, options.mayScrape);
  const serve = handler({
    routes,
    meter,
    mirror: new Mirror(agent, meter, clock.now),
    callers,
    agent,
    batches,
    operators,
    health: new Health(askReady(agent)),
    limits: new RateLimits(),
    holding,
    budget: new Budget(options.bodiesBytes ?? BODIES_BYTES),
    maxBytes: options.maxBodyBytes,
    answerMs: options.answerMs,
    now: clock.now,
  });
  const server = createServer({ keepAliveTimeout: 65_000, noDelay: true }, serve);
  const { port } = await listen(server, options.port, options.host);
  operators.watch(server);

  const flush = () =>
    storeCounts(pool, options.gatewayId, meter, clock.now()).catch((error: unknown) =>
      log().warn({ error }, "the counts could not be stored; they are kept for the next time"),
    );
  const timer = setInterval(() => void flush(), FLUSH_MS);

  return {
    url: `http://${options.host}:${port}`,
    async close() {
      clearInterval(timer);
      holding.stop();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      // A kept-alive connection becomes idle when its last answer is out, not now.
      const sweep = setInterval(() => server.closeIdleConnections(), SWEEP_MS);
      const force = setTimeout(() => server.closeAllConnections(), DRAIN_MS);
      await closed;
      clearInterval(sweep);
      clearTimeout(force);
      closing.abort();
      callers.stop();
      await feed.stop();
      await flush();
      agent.destroy();
      await pool.end();
    },
  };
}

function wakerOf(pool: Pool, gatewayId: string, routes: Routes) {
  return {
    wake: (served: ServedVersion) => insertWake(pool, gatewayId, served),
    woken(id: string, served: ServedVersion, coldStartMs: number) {
      storeColdStart(pool, served, { id, coldStartMs }).catch((error: unknown) =>
        log().warn({ error }, "a cold start could not be stored"),
      );
    },
    isAsleep: (served: ServedVersion) => routes.isAsleep(served),
  };
}

const listen = (server: ReturnType<typeof createServer>, port: number, host: string) =>
  new Promise<{ port: number }>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      const address = server.address();
      resolve({ port: typeof address === "object" && address ? address.port : port });
    });
  });

interface Parts {
  routes: Routes;
  meter: Meter;
  mirror: Mirror;
  callers: CallerDirectory;
  agent: ReturnType<typeof replicaAgent>;
  batches: Batches;
  operators: Operators;
  health: Health;
  limits: RateLimits;
  holding: Holding;
  budget: Budget;
  maxBytes: number;
  answerMs: number;
  /** The database's clock. */
  now(): number;
}

function handler(parts: Parts) {
  return (request: IncomingMessage, response: ServerResponse) => {
    const began = performance.now();
    const requestId = requestIdOf(request.headers);
    const headers = { "x-request-id": requestId };
    request.on("error", () => {});
    let path: V2Path | null;
    try {
      path = parsePath(request.url ?? "/");
    } catch {
      return refuse(response, 400, "The path holds a malformed escape.", headers);
    }
    if (!path) {
      return refuse(response, 404, `There is no ${request.url} in the Open Inference Protocol V2.`, headers);
    }
    const method = path.kind === "model" && path.verb === "infer" ? "POST" : "GET";
    if (request.method !== method) {
      return refuse(response, 405, `Use ${method} for this path, not ${request.method}.`, {
        ...headers,
        allow: method,
      });
    }
    if (path.kind !== "model") return about(parts, path.kind, request, response, headers);
    const asked = path;
    const go = (caller: Caller | null) =>
      askModel({ ...parts, request, response, requestId, headers, began }, asked, caller);
    const token = bearer(request);
    const caller = token === null ? null : parts.callers.callerOf(token);
    if (caller instanceof Promise) void caller.then(go);
    else go(caller);
  };
}

function about(
  { routes, operators }: Parts,
  kind: "server" | "live" | "ready" | "metrics",
  request: IncomingMessage,
  response: ServerResponse,
  headers: Record<string, string>,
): void {
  const isReady = routes.revision >= 0;
  if (kind === "server") answer(response, 200, SERVER, headers);
  else if (kind === "live") answer(response, 200, { live: true }, headers);
  else if (kind === "ready") answer(response, isReady ? 200 : 503, { ready: isReady }, headers);
  else operators.answer(request, response, headers);
}

interface Asked extends Parts {
  request: IncomingMessage;
  response: ServerResponse;
  requestId: string;
  headers: Record<string, string>;
  began: number;
}

type ModelPath = Extract<V2Path, { kind: "model" }>;

function askModel(asked: Asked, path: ModelPath, caller: Caller | null) {
  const { response, headers } = asked;
  if (caller === null) {
    return refuse(
      response,
      401,
      "Send an API token with the scope inference as a bearer; Settings makes one.",
      {
        ...headers,
        "www-authenticate": "Bearer",
      },
    );
  }
  if (isOverRate(asked, caller)) return;
  const chosen = choose(asked, path, caller.teamId);
  if (!chosen) return;
  const { arms, target } = chosen;
  const isInfer = path.verb === "infer";
  if (isInfer) measure(asked, target);
  // It answers requests, the first one later; asking whether it does must not keep it awake.
  else if (path.verb === "ready" && target.upstreams.length === 0)
    return answer(response, 200, { name: path.model, ready: true }, { ...target.headers, ...headers });
  const shadow = isInfer ? arms.nextShadow() : null;
  const whenAwake = (asleep: Target, goOn: (target: Target) => void) =>
    hold(asked, asleep, () => {
      const again = choose(asked, path, caller.teamId)?.target;
      if (again && again.upstreams.length > 0) goOn(again);
      else if (again) whenAwake(again, goOn);
    });
  forward({
    ...asked,
    target,
    path: path.verb === "metadata" ? "/metadata" : `/${path.verb}`,
    watcher: shadow ? asked.mirror.watch(response, target, shadow) : null,
    whenAwake,
  });
}

/** Whose turn it is to answer; null when nobody can, which is then told. */
function choose(
  { routes, response, headers }: Asked,
  { model, version, verb }: ModelPath,
  teamId: string,
): { arms: Arms; target: Target } | null {
  const arms = routes.find(teamId, model);
  if (!arms) {
    refuse(response, 404, `No model ${model} serves in ${environmentOf(model)}.`, headers);
    return null;
  }
  const unnamed = () => (verb === "infer" ? arms.next() : arms.main());
  const target = version !== null ? arms.ofVersion(version) : unnamed();
  if (target) return { arms, target };
  const numbers = arms.targets.map(({ route }) => route.version.number);
  const serving = numbers.length === 1 ? `${numbers[0]} does` : `${numbers.join(" and ")} do`;
  refuse(response, 404, `Version ${version} of ${model} does not serve; ${serving}.`, headers);
  return null;
}

function hold({ holding, response, headers }: Asked, target: Target, goOn: () => void): void {
  const refuseHeld = (why: string, retryAfter: number) =>
    refuse(response, 503, why, { ...target.headers, ...headers, "retry-after": String(retryAfter) });
  holding.hold(target.route, { response, goOn, refuse: refuseHeld });
}

/** Refuses a request of a token that asks more often than it may. */
function isOverRate({ limits, response, headers }: Asked, { hash, ratePerSecond }: Caller): boolean {
  if (ratePerSecond === null) return false;
  const wait = limits.take(hash, ratePerSecond, performance.now());
  if (wait === 0) return false;
  refuse(response, 429, `This token may ask ${ratePerSecond} times a second.`, {
    ...headers,
    "retry-after": String(Math.ceil(wait / 1000)),
  });
  return true;
}

/** In flight until its last byte is out, and counted then; a client that left before it was answered is not counted. */
function measure({ response, meter, began, now }: Asked, target: Target): void {
  const over = meter.begin(target.route, now());
  response.on("close", () => {
    over(now());
    if (!response.headersSent) return;
    const us = (performance.now() - began) * 1000;
    const status = response.writableFinished ? response.statusCode : 502;
    meter.count(target.route, status, us, now());
  });
}

function bearer(request: IncomingMessage): string | null {
  const header = request.headers.authorization;
  return header && /^bearer /i.test(header) ? header.slice(7).trim() : null;
}
