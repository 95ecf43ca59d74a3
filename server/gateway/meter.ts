/** Counts of requests by lane and version: rows of `serving_minute` and `serving_window`, and Prometheus text. */
import type { Environment } from "./contract";
import { Histogram } from "./histogram";
import { InFlight } from "./in-flight";
import { labelsOf } from "./labels";
import { type Held, Periods } from "./periods";
import { ShadowMeter } from "./shadow-meter";
import { keyOf, keyOfCount, type ServedVersion } from "./table";

const MINUTE_MS = 60_000;
/** What alarms of a rollout, and the number of replicas, follow. */
export const WINDOW_MS = 10_000;

/** Requests, errors and requests in flight are those since the row was last taken; the quantiles are of the whole period. */
export interface ServingRow {
  teamId: string;
  modelId: string;
  versionId: string;
  environment: Environment;
  at: Date;
  requests: number;
  errors: number;
  p50Us: number;
  p99Us: number;
  /** What it adds to the mean of a window; 0 of a minute. */
  inFlight: number;
}

class ServingCell implements Held<ServingRow> {
  private readonly histogram = new Histogram();
  private requests = 0;
  private errors = 0;
  private busyMs = 0;

  constructor(private readonly served: ServedVersion) {}

  count(status: number, us: number): void {
    this.requests += 1;
    if (isError(status)) this.errors += 1;
    this.histogram.add(us);
  }
  spend(ms: number): void {
    this.busyMs += ms;
  }
  isEmpty(): boolean {
    return this.requests === 0 && this.busyMs === 0;
  }
  take(at: Date): ServingRow {
    const row = {
      teamId: this.served.teamId,
      modelId: this.served.modelId,
      versionId: this.served.version.id,
      environment: this.served.environment,
      at,
      requests: this.requests,
      errors: this.errors,
      p50Us: this.histogram.quantile(0.5),
      p99Us: this.histogram.quantile(0.99),
      inFlight: this.busyMs / WINDOW_MS,
    };
    this.requests = 0;
    this.errors = 0;
    this.busyMs = 0;
    return row;
  }
  putBack(row: ServingRow): void {
    this.requests += row.requests;
    this.errors += row.errors;
    this.busyMs += row.inFlight * WINDOW_MS;
  }
}

interface Total {
  labels: string;
  byStatus: Map<number, number>;
  histogram: Histogram;
}

const isError = (status: number) => status >= 500;

export class Meter {
  readonly minutes = new Periods<ServingCell, ServingRow>(MINUTE_MS, keyOfCount);
  readonly windows = new Periods<ServingCell, ServingRow>(WINDOW_MS, keyOfCount);
  readonly shadow = new ShadowMeter();
  private readonly inFlight = new InFlight(WINDOW_MS, (served, at, ms) =>
    this.windows.at(keyOf(served), at, () => new ServingCell(served)).spend(ms),
  );
  private totals = new Map<string, Total>();

  /** A request came for a version; the answer is called when it is over. Times are Unix milliseconds. */
  begin(served: ServedVersion, now: number): (now: number) => void {
    return this.inFlight.begin(served, now);
  }

  /** Rows of windows, with what is still under way. */
  takeWindows(now: number): ServingRow[] {
    this.inFlight.settle(now);
    return this.windows.take(now);
  }

  /** @param us from the request's arrival to the last byte of its answer, µs */
  count(served: ServedVersion, status: number, us: number, now: number): void {
    const key = keyOf(served);
    for (const periods of [this.minutes, this.windows])
      periods.at(key, now, () => new ServingCell(served)).count(status, us);

    let total = this.totals.get(key);
    if (!total) {
      total = { labels: labelsOf(served), byStatus: new Map(), histogram: new Histogram() };
      this.totals.set(key, total);
    }
    total.byStatus.set(status, (total.byStatus.get(status) ?? 0) + 1);
    total.histogram.add(us);
  }

  /** Prometheus text, version 0.0.4. Seconds, as its conventions have it. */
  prometheus(revision: number): string {
    const lines = [
      "# HELP lathe_gateway_route_revision Revision of the route table in force.",
      "# TYPE lathe_gateway_route_revision gauge",
      `lathe_gateway_route_revision ${revision}`,
      "# HELP lathe_gateway_requests_total Requests answered, by model, environment, version and status.",
      "# TYPE lathe_gateway_requests_total counter",
    ];
    const totals = [...this.totals.values()];
    for (const { labels, byStatus } of totals)
      for (const [status, n] of byStatus)
        lines.push(`lathe_gateway_requests_total{${labels},code="${status}"} ${n}`);
    lines.push(
      "# HELP lathe_gateway_errors_total Requests answered with a 5xx.",
      "# TYPE lathe_gateway_errors_total counter",
    );
    for (const { labels, byStatus } of totals) {
      const errors = [...byStatus].reduce((sum, [status, n]) => sum + (isError(status) ? n : 0), 0);
      lines.push(`lathe_gateway_errors_total{${labels}} ${errors}`);
    }
    lines.push(
      "# HELP lathe_gateway_request_seconds From a request's arrival to the last byte of its answer.",
      "# TYPE lathe_gateway_request_seconds histogram",
    );
    for (const { labels, histogram } of totals)
      lines.push(...histogram.prometheus("lathe_gateway_request_seconds", labels));
    return `${[...lines, ...this.shadow.prometheus()].join("\n")}\n`;
  }
}
