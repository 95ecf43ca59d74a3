/** The tracking door on a port of its own, as clients reach it; and single calls of it without a server between. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream as NodeStream } from "node:stream/web";
import { expect } from "vitest";
import * as tracking from "@/app/api/2.0/mlflow/[[...path]]/route";
import * as artifacts from "@/app/api/2.0/mlflow-artifacts/[[...path]]/route";
import * as newer from "@/app/api/3.0/mlflow/[[...path]]/route";

const ROUTES = [
  ["/api/2.0/mlflow-artifacts/", artifacts],
  ["/api/2.0/mlflow/", tracking],
  ["/api/3.0/mlflow/", newer],
] as const;
type Method = Exclude<keyof typeof tracking, "dynamic">;

/** Calls a route as the web process does. */
export async function serve(request: Request): Promise<Response> {
  const { pathname } = new URL(request.url);
  const routes = ROUTES.find(([prefix]) => pathname.startsWith(prefix))?.[1];
  const handler = routes?.[request.method as Method];
  return handler
    ? handler(request, { params: Promise.resolve({}) })
    : new Response("no such page", { status: 404 });
}

export interface Door {
  url: string;
  /** `<method> <path> <status>` of every answer. */
  answers: string[];
  close(): Promise<void>;
}

/** The routes over HTTP on a free port. */
export async function openDoor(): Promise<Door> {
  const answers: string[] = [];
  const server = createServer((incoming, outgoing) => void answer(incoming, outgoing, answers));
  await once(server.listen(0, "127.0.0.1"), "listening");
  const address = server.address();
  if (typeof address !== "object" || !address) throw new Error("the door has no port");
  return {
    url: `http://127.0.0.1:${address.port}`,
    answers,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

async function answer(incoming: IncomingMessage, outgoing: ServerResponse, answers: string[]): Promise<void> {
  const { method = "GET", url = "/" } = incoming;
  const hasBody = method !== "GET" && method !== "HEAD";
  const response = await serve(
    new Request(`http://${incoming.headers.host}${url}`, {
      method,
      headers: Object.entries(incoming.headers).map(([name, value]): [string, string] => [
        name,
        String(value),
      ]),
      ...(hasBody && { body: Readable.toWeb(incoming) as ReadableStream<Uint8Array>, duplex: "half" }),
    }),
  );
  answers.push(`${method} ${url.split("?")[0]} ${response.status}`);
  outgoing.writeHead(response.status, Object.fromEntries(response.headers));
  if (response.body) {
    // A client that hangs up ends its answer, and nothing else.
    await pipeline(Readable.fromWeb(response.body as NodeStream<Uint8Array>), outgoing).catch(() => {});
  } else outgoing.end();
}

/** Calls `/api/2.0/mlflow/<path>` with a token; a body makes it a POST unless `method` says otherwise. */
export function call(token: string, path: string, body?: unknown, method?: string): Promise<Response> {
  return serve(
    new Request(`http://door/api/2.0/mlflow/${path}`, {
      method: method ?? (body === undefined ? "GET" : "POST"),
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
    }),
  );
}

/** Calls `/api/2.0/mlflow-artifacts/<path>`. */
export function callArtifacts(token: string, method: string, path: string, body?: string): Promise<Response> {
  return serve(
    new Request(`http://door/api/2.0/mlflow-artifacts/${path}`, {
      method,
      headers: { authorization: `Bearer ${token}` },
      ...(body !== undefined && { body }),
    }),
  );
}

/** The JSON of an answer that must be 200. */
export const ok = async (response: Response) => {
  const said = await response.json();
  expect([response.status, said]).toEqual([200, expect.anything()]);
  return said;
};
/** Status, code and message of a refusal. */
export const refusal = async (response: Response): Promise<[number, string, string]> => {
  const { error_code, message, ...rest } = await response.json();
  expect(rest).toEqual({});
  return [response.status, error_code, message];
};
