/** The gateway's metrics: what its parts count, its connections, the age of its table, and its process. */
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { log } from "../platform/log";
import { CONTENT_TYPE, registry } from "../platform/telemetry/registry";
import { SCRAPER_REMEDY } from "../platform/telemetry/scrapers";
import type { Batches } from "./batches";
import type { RouteFeed } from "./feed";
import type { Holding } from "./holding";
import type { Meter } from "./meter";
import type { Routes } from "./table";
import { refuse } from "./v2";

interface Counting {
  meter: Meter;
  batches: Batches;
  holding: Holding;
  routes: Routes;
  feed: RouteFeed;
}

export class Operators {
  private server: Server | null = null;

  constructor(
    private readonly counting: Counting,
    private readonly mayScrape: (authorization: string | undefined) => boolean = () => true,
  ) {
    // What a process used is counted from here on.
    registry();
  }

  watch(server: Server): void {
    this.server = server;
  }

  answer(request: IncomingMessage, response: ServerResponse, headers: Record<string, string>): void {
    this.text(request.headers.authorization)
      .then((text) => {
        if (text === null) return refuse(response, 401, SCRAPER_REMEDY, headers);
        response.writeHead(200, { ...headers, "content-type": CONTENT_TYPE }).end(text);
      })
      .catch((error: unknown) => {
        log().warn({ err: error }, "the metrics could not be told");
        refuse(response, 500, "The metrics could not be told; the gateway's log says why.", headers);
      });
  }

  /** Null for whom they are not for. */
  private async text(authorization: string | undefined): Promise<string | null> {
    if (!this.mayScrape(authorization)) return null;
    const { meter, batches, holding, routes } = this.counting;
    return [
      meter.prometheus(routes.revision),
      batches.prometheus(),
      holding.prometheus(),
      await this.own(),
      await registry().metrics(),
    ].join("");
  }

  private async own(): Promise<string> {
    const age = this.counting.feed.age();
    const lines = [
      "# HELP lathe_gateway_connections Open connections of clients.",
      "# TYPE lathe_gateway_connections gauge",
      `lathe_gateway_connections ${await this.connections()}`,
      "# HELP lathe_gateway_route_age_seconds Since the database last told the table in force; NaN while it never did.",
      "# TYPE lathe_gateway_route_age_seconds gauge",
      `lathe_gateway_route_age_seconds ${age ?? "NaN"}`,
    ];
    return `${lines.join("\n")}\n`;
  }

  private connections(): Promise<number> {
    const { server } = this;
    if (!server) return Promise.resolve(0);
    return new Promise((resolve, reject) =>
      server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
    );
  }
}
