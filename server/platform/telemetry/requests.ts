/** Requests of the console by kind: pages and routes alike, from their arrival to the last byte of their answer. */
import { subscribe } from "node:diagnostics_channel";
import { IncomingMessage, ServerResponse } from "node:http";
import { singleton } from "../singleton";
import { counter, histogram } from "./registry";

const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
/** Those that wait by design: how long they took tells nothing. */
const WAITING = new Set(["stream", "agent_poll"]);

/** The first that fits names the kind: a bounded set, whatever is asked for. */
const KINDS: readonly [RegExp, string][] = [
  [/^\/api\/trpc\/live\.follow/, "stream"],
  [/^\/api\/agent\/desired/, "agent_poll"],
  [/^\/api\/(trpc|agent|worker|uploads|auth|health|metrics|display)(\/|$)/, "$1"],
  [/^\/api\/[23]\.0\//, "mlflow"],
  [/^\/api\//, "download"],
  [/^\/_next\//, "asset"],
];

/** @param url as it was asked for, with its query */
export function kindOf(url: string): string {
  const path = url.split("?")[0] ?? "/";
  for (const [pattern, kind] of KINDS) {
    const found = pattern.exec(path);
    if (found) return kind === "$1" ? (found[1] ?? "other") : kind;
  }
  return "page";
}

/** Counts every answer of this process's HTTP servers from now on. */
export const measureRequests = (): void =>
  singleton("request meter", () => {
    const total = counter("lathe_web_requests_total", "Requests answered, by kind and status.", [
      "kind",
      "code",
    ]);
    const seconds = histogram(
      "lathe_web_request_seconds",
      "From a request's arrival to the last byte of its answer; without streams and long polls.",
      { labelNames: ["kind"], buckets: BUCKETS },
    );
    const began = new WeakMap<IncomingMessage, { at: number; kind: string }>();
    subscribe("http.server.request.start", (message) => {
      const request = requestOf(message);
      // Next rewrites the address of a request while it answers it.
      if (request) began.set(request, { at: performance.now(), kind: kindOf(request.url ?? "/") });
    });
    subscribe("http.server.response.finish", (message) => {
      const request = requestOf(message);
      const response = responseOf(message);
      const known = request && began.get(request);
      if (!known || !response) return;
      total.inc({ kind: known.kind, code: response.statusCode });
      if (!WAITING.has(known.kind))
        seconds.observe({ kind: known.kind }, (performance.now() - known.at) / 1000);
    });
  });

const has = <K extends string>(message: unknown, key: K): message is Record<K, unknown> =>
  typeof message === "object" && message !== null && key in message;
const requestOf = (message: unknown): IncomingMessage | null =>
  has(message, "request") && message.request instanceof IncomingMessage ? message.request : null;
const responseOf = (message: unknown): ServerResponse | null =>
  has(message, "response") && message.response instanceof ServerResponse ? message.response : null;
