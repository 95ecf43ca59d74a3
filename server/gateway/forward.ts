/** One request to one replica and its answer back, without looking into either. */
import { Agent, request as ask, type IncomingMessage, type ServerResponse } from "node:http";
import type { Batches } from "./batches";
import type { Budget } from "./budget";
import { answeredHeaders, askedHeaders, bodyHeaders } from "./headers";
import type { Health } from "./health";
import type { Watcher } from "./mirror";
import { leastBusy, nameOf, type Target, type Upstream } from "./table";
import { refuse } from "./v2";

/**
 * Bodies up to here are held, so that they may be sent to another replica; larger ones, and those for which no memory is
 * left, stream through.
 */
const HELD_BYTES = 1 << 20;
/** Below the replicas' own 75 s, so that we never write to a connection they are about to close. */
const IDLE_MS = 60_000;

export const replicaAgent = (): Agent => new Agent({ keepAlive: true, maxSockets: 256, timeout: IDLE_MS });

export interface Call {
  request: IncomingMessage;
  response: ServerResponse;
  target: Target;
  /** The replica's own path. */
  path: "/infer" | "/ready" | "/metadata";
  agent: Agent;
  maxBytes: number;
  /** How long a replica may take to answer. */
  answerMs: number;
  health: Health;
  batches: Batches;
  budget: Budget;
  requestId: string;
  /** Of every answer to this request, beside its target's. */
  headers: Record<string, string>;
  /** Holds the request of a target without replicas; calls back with one that has some. */
  whenAwake(target: Target, goOn: (target: Target) => void): void;
  /** Is told of a held body and of the answer to it; null when nobody wants to know. */
  watcher: Watcher | null;
}

/**
 * Answers a request from the least busy replica, once there is one where its version sleeps; 413 for a body over the
 * limit, 503 when no replica takes it or it breaks off, 504 when it takes too long.
 */
export function forward(call: Call) {
  const { request, response, maxBytes, budget } = call;
  const declared = Number(request.headers["content-length"] ?? Number.NaN);
  if (declared > maxBytes) return tooLarge(call);
  if (request.method !== "POST") return send(call, null);
  if (!(declared <= HELD_BYTES && budget.take(declared))) return send(call, "stream");
  response.on("close", () => budget.giveBack(declared));

  const parts: Buffer[] = [];
  request.on("data", (part: Buffer) => parts.push(part));
  request.on("end", () => {
    const [first] = parts;
    if (response.destroyed) return;
    const body = parts.length === 1 && first ? first : Buffer.concat(parts);
    call.watcher?.body(body, bodyHeaders(request.headers));
    send(call, body);
  });
}

type Body = Buffer | "stream" | null;

function send(call: Call, body: Body): void {
  if (call.target.upstreams.length > 0) attempt(call, body, new Set());
  else call.whenAwake(call.target, (target) => attempt({ ...call, target }, body, new Set()));
}

const headersOf = ({ target, headers }: Call) => ({ ...target.headers, ...headers });

function attempt(call: Call, body: Body, tried: Set<Upstream>) {
  const { request, response, target, health } = call;
  const upstream =
    leastBusy(health.takingPart(target.upstreams), tried) ?? leastBusy(target.upstreams, tried);
  if (!upstream) {
    return refuse(
      response,
      503,
      `${nameOf(target.route)} can't answer: none of its ${tried.size} replicas answers.`,
      {
        ...headersOf(call),
        "retry-after": "1",
      },
    );
  }
  upstream.outstanding += 1;
  let isOpen = true;
  let isLate = false;
  const finish = () => {
    if (isOpen) upstream.outstanding -= 1;
    isOpen = false;
    clearTimeout(expiry);
    response.off("close", abort);
  };
  const out = ask({
    agent: call.agent,
    hostname: upstream.hostname,
    port: upstream.port,
    path: call.path,
    method: request.method,
    headers: upstreamHeaders(call, upstream, body),
    timeout: call.answerMs,
  });
  const expire = () => {
    isLate = true;
    out.destroy();
  };
  // A body that streams takes what its client takes to send it; only a silence ends it.
  const expiry = body === "stream" ? undefined : setTimeout(expire, call.answerMs);
  out.on("timeout", expire);
  // The client went away: nobody waits for the answer.
  const abort = () => out.destroy();
  response.on("close", abort);

  const another = () => {
    finish();
    health.failed(upstream, target.upstreams);
    attempt(call, body, tried.add(upstream));
  };
  out.on("response", (answer) => {
    // A stranger took over this address: our replica is gone, and its answer must not pass for ours.
    if (answer.statusCode === 401 && body !== "stream") {
      answer.resume();
      return another();
    }
    answer.on("end", () => {
      finish();
      health.answered(upstream);
    });
    answer.on("close", finish);
    answer.on("error", () => {
      if (!response.destroyed) health.failed(upstream, target.upstreams);
      response.destroy();
    });
    call.batches.note(target, upstream, answer.headers);
    response.writeHead(answer.statusCode === 401 ? 503 : (answer.statusCode ?? 502), {
      ...headersOf(call),
      ...answeredHeaders(answer.headers),
    });
    call.watcher?.answer(answer);
    answer.pipe(response);
  });
  out.on("error", (error: NodeJS.ErrnoException) => {
    finish();
    if (response.destroyed || response.writableEnded) return;
    if (response.headersSent) return response.destroy();
    if (!isLate && wasNotTaken(error, out.reusedSocket, body)) return another();
    health.failed(upstream, target.upstreams);
    if (isLate) {
      const message = `The replica did not answer within ${call.answerMs / 1000} s.`;
      return refuse(response, 504, message, headersOf(call));
    }
    refuse(response, 503, "The replica broke off.", { ...headersOf(call), "retry-after": "1" });
  });

  if (body !== "stream") out.end(body ?? undefined);
  else streamBody(call, out);
}

/** Whether nothing of the request can have been answered, so that another replica may be asked. */
const wasNotTaken = (error: NodeJS.ErrnoException, reused: boolean, body: Body): boolean =>
  error.code === "ECONNREFUSED" || (reused && body !== "stream" && error.code === "ECONNRESET");

/** Sends a large body on as it comes, once the replica is connected, and stops at the limit. */
function streamBody({ request, response, maxBytes, ...call }: Call, out: ReturnType<typeof ask>): void {
  out.once("socket", (socket) => {
    const pump = () => {
      let bytes = 0;
      request.on("data", (part: Buffer) => {
        bytes += part.length;
        if (bytes > maxBytes) {
          request.unpipe(out);
          tooLarge({ request, response, maxBytes, ...call });
          out.destroy();
        }
      });
      request.pipe(out);
    };
    if (socket.connecting) socket.once("connect", pump);
    else pump();
  });
}

function tooLarge(call: Call): void {
  const message = `The body is larger than ${call.maxBytes} bytes.`;
  refuse(call.response, 413, message, { ...headersOf(call), connection: "close" });
}

function upstreamHeaders({ request, requestId }: Call, upstream: Upstream, body: Body) {
  const headers: Record<string, string | number> = askedHeaders(request.headers, requestId);
  headers.authorization = upstream.authorization;
  if (body instanceof Buffer) headers["content-length"] = body.length;
  else if (body === "stream") {
    const length = request.headers["content-length"];
    if (length) headers["content-length"] = length;
    else headers["transfer-encoding"] = "chunked";
  }
  return headers;
}
