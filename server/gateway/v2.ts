/** The paths and errors of the Open Inference Protocol V2. */
import type { ServerResponse } from "node:http";

export type V2Path =
  | { kind: "server" | "live" | "ready" | "metrics" }
  | { kind: "model"; model: string; version: string | null; verb: "metadata" | "ready" | "infer" };

/** What a path asks for; null for one that the protocol does not have. @throws URIError for a malformed escape */
export function parsePath(url: string): V2Path | null {
  const end = url.indexOf("?");
  const path = end === -1 ? url : url.slice(0, end);
  if (path === "/metrics") return { kind: "metrics" };
  const [root, area, ...rest] = path.split("/").slice(1).map(decodeURIComponent);
  if (root !== "v2") return null;
  if (area === undefined || (area === "" && rest.length === 0)) return { kind: "server" };
  if (area === "health" && rest.length === 1 && (rest[0] === "live" || rest[0] === "ready"))
    return { kind: rest[0] };
  if (area !== "models" || !rest[0]) return null;
  const [model, ...tail] = rest;
  const versioned = tail[0] === "versions" && tail[1] !== undefined && tail[1] !== "";
  const version = versioned ? (tail[1] ?? null) : null;
  const [verb, ...more] = versioned ? tail.slice(2) : tail;
  if (more.length > 0) return null;
  if (verb === undefined) return { kind: "model", model, version, verb: "metadata" };
  if (verb === "ready" || verb === "infer") return { kind: "model", model, version, verb };
  return null;
}

export function answer(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  if (response.headersSent || response.destroyed) return;
  const text = JSON.stringify(body);
  response.writeHead(status, {
    ...headers,
    "content-type": "application/json",
    "content-length": String(Buffer.byteLength(text)),
  });
  response.end(text);
}

/** An error as V2 has it: `{"error": "…"}`. */
export const refuse = (
  response: ServerResponse,
  status: number,
  error: string,
  headers: Record<string, string> = {},
): void => answer(response, status, { error }, headers);
