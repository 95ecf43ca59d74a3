/** What a process without a door of its own shows to operators: `/metrics`, `/health/live`, `/health/ready`. */
import { createServer, type Server, type ServerResponse } from "node:http";
import { log } from "../log";
import { type Check, readiness } from "./readiness";
import { CONTENT_TYPE, registry } from "./registry";
import { mayScrape, SCRAPER_REMEDY } from "./scrapers";

/**
 * Listens on loopback. A port that is taken costs the view and not the work: it is told, and the process goes on.
 *
 * @returns null when the port is taken
 */
export function listenForOperators(port: number, checks: readonly Check[]): Promise<Server | null> {
  const server = createServer((request, response) => {
    const path = (request.url ?? "/").split("?")[0] ?? "/";
    answer(path, request.headers.authorization, checks, response).catch((error: unknown) => {
      log().warn({ err: error }, "operators got no answer");
      json(response, 500, { error: "The answer could not be made; the log says why." });
    });
  });
  return new Promise((done) => {
    server.once("error", (error) => {
      log().warn({ err: error, port }, "no metrics and no health: the port is taken");
      done(null);
    });
    server.listen(port, "127.0.0.1", () => done(server));
  });
}

async function answer(
  path: string,
  authorization: string | undefined,
  checks: readonly Check[],
  response: ServerResponse,
): Promise<void> {
  if (path === "/health/live") return json(response, 200, { live: true });
  if (path === "/health/ready") {
    const state = await readiness(checks);
    return json(response, state.ready ? 200 : 503, state);
  }
  if (path !== "/metrics") return json(response, 404, { error: `There is no ${path} here.` });
  if (!mayScrape(authorization)) return json(response, 401, { error: SCRAPER_REMEDY });
  const text = await registry().metrics();
  response.writeHead(200, { "content-type": CONTENT_TYPE }).end(text);
}

function json(response: ServerResponse, status: number, body: unknown): void {
  if (response.headersSent) return;
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}
