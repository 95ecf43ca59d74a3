/** Which headers pass a gateway, and those it makes: nothing else of a request or an answer gets through. */
import { randomBytes } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { newId } from "../platform/ids";

/** What tells how to read a body. */
const BODY = ["content-type", "content-encoding", "inference-header-content-length"] as const;
const ASKED = [...BODY, "accept-encoding"] as const;
const ANSWERED = [
  "content-type",
  "content-length",
  "content-encoding",
  "inference-header-content-length",
  "retry-after",
] as const;

const SANE_ID = /^[\w.:/+=@-]{1,128}$/;
/** https://www.w3.org/TR/trace-context: ids of zeros are none; versions after 00 may have more behind the flags. */
const TRACEPARENT = /^(?!ff)([0-9a-f]{2})-((?!0{32})[0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})(-.*)?$/;
const MAX_TRACESTATE = 512;
/** https://www.w3.org/TR/baggage: all of it passes up to here. */
const MAX_BAGGAGE = 8192;

const one = (value: string | string[] | undefined): string | undefined =>
  typeof value === "string" ? value : undefined;

function pick(headers: IncomingHttpHeaders, names: readonly string[]): Record<string, string> {
  const picked: Record<string, string> = {};
  for (const name of names) {
    const value = one(headers[name]);
    if (value !== undefined) picked[name] = value;
  }
  return picked;
}

/** The id under which a request is told of everywhere: the client's where it is a short plain word, else ours. */
export function requestIdOf(headers: IncomingHttpHeaders): string {
  const given = one(headers["x-request-id"]);
  return given !== undefined && SANE_ID.test(given) ? given : newId("req");
}

/**
 * What a replica is sent of a request's headers. In the trace that it belongs to, the client's or a new one, the gateway
 * is a span of its own, a child of the client's and the parent of the replica's.
 */
export function askedHeaders(headers: IncomingHttpHeaders, requestId: string): Record<string, string> {
  const picked = pick(headers, ASKED);
  picked["x-request-id"] = requestId;
  const baggage = one(headers.baggage);
  if (baggage !== undefined && baggage.length <= MAX_BAGGAGE) picked.baggage = baggage;
  const trace = traceOf(one(headers.traceparent));
  const span = randomBytes(8).toString("hex");
  if (!trace) {
    picked.traceparent = `00-${randomBytes(16).toString("hex")}-${span}-00`;
    return picked;
  }
  picked.traceparent = `00-${trace.id}-${span}-${trace.flags}`;
  const state = one(headers.tracestate);
  if (state !== undefined && state.length <= MAX_TRACESTATE) picked.tracestate = state;
  return picked;
}

/** Null for none, or one that is not a `traceparent`. */
function traceOf(parent: string | undefined): { id: string; flags: string } | null {
  const [, version, id, flags, more] = (parent !== undefined && TRACEPARENT.exec(parent)) || [];
  return id && flags && !(version === "00" && more) ? { id, flags } : null;
}

/** What a body can't be read without. */
export const bodyHeaders = (headers: IncomingHttpHeaders): Record<string, string> => pick(headers, BODY);

/** What a client is sent of a replica's headers. */
export const answeredHeaders = (headers: IncomingHttpHeaders): Record<string, string> =>
  pick(headers, ANSWERED);
