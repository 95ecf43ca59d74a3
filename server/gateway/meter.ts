/** Counts of requests by model and version: rows of `serving_minute`, and Prometheus text. */
import type { Route } from "./contract";

/** Upper edges of the histogram, µs: a factor of 1.15 apart, so a quantile is at most 7% off. */
const EDGES = Array.from({ length: 100 }, (_, i) => 50 * 1.15 ** i);
/** Every fourth edge goes to Prometheus. */
const SHOWN = EDGES.map((edge, index) => ({ edge, index })).filter(({ index }) => index % 4 === 3);
const LOG_STEP = Math.log(1.15);
const MINUTE_MS = 60_000;

export class Histogram {
  readonly counts = new Uint32Array(EDGES.length + 1);
  total = 0;
  sumUs = 0;

  add(us: number): void {
    const index = us <= 50 ? 0 : Math.min(Math.ceil(Math.log(us / 50) / LOG_STEP), EDGES.length);
    this.counts[index] = (this.counts[index] ?? 0) + 1;
    this.total += 1;
    this.sumUs += us;
  }

  /** The value below which a share `q` of the observations lies, µs; 0 when there are none. */
  quantile(q: number): number {
    let rank = q * this.total;
    for (let index = 0; index < this.counts.length; index += 1) {
      const here = this.counts[index] ?? 0;
      if (here > 0 && rank <= here) {
        const low = index === 0 ? 0 : (EDGES[index - 1] ?? 0);
        const high = EDGES[index] ?? low * 1.15;
        return Math.round(low + (high - low) * (rank / here));
      }
      rank -= here;
    }
    return 0;
  }
}

export interface MinuteRow {
  teamId: string;
  modelId: string;
  versionId: string;
  minute: Date;
  /** Requests and errors since the row was last taken. */
  requests: number;
  errors: number;
  /** Of the whole minute. */
  p50Us: number;
  p99Us: number;
}

interface Minute {
  route: Route;
  at: number;
  histogram: Histogram;
  requests: number;
  errors: number;
}
interface Total {
  labels: string;
  byStatus: Map<number, number>;
  histogram: Histogram;
}

const isError = (status: number) => status >= 500;
const escapeLabel = (text: string) => text.replace(/[\\"\n]/g, (c) => (c === "\n" ? "\\n" : `\\${c}`));

export class Meter {
  private minutes = new Map<string, Minute>();
  private totals = new Map<string, Total>();

  /** @param us from the request's arrival to the last byte of its answer, µs */
  count(route: Route, status: number, us: number, now: number): void {
    const at = now - (now % MINUTE_MS);
    const key = `${route.version.id}/${at}`;
    let minute = this.minutes.get(key);
    if (!minute) {
      minute = { route, at, histogram: new Histogram(), requests: 0, errors: 0 };
      this.minutes.set(key, minute);
    }
    minute.requests += 1;
    if (isError(status)) minute.errors += 1;
    minute.histogram.add(us);

    let total = this.totals.get(route.version.id);
    if (!total) {
      const labels = `team="${route.teamId}",model="${escapeLabel(route.model)}",version="${route.version.number}"`;
      total = { labels, byStatus: new Map(), histogram: new Histogram() };
      this.totals.set(route.version.id, total);
    }
    total.byStatus.set(status, (total.byStatus.get(status) ?? 0) + 1);
    total.histogram.add(us);
  }

  /** What was counted since the last time. Give it back with `putBack` when it could not be stored. */
  take(now: number): MinuteRow[] {
    const rows: MinuteRow[] = [];
    for (const [key, minute] of this.minutes) {
      if (minute.requests > 0) {
        rows.push({
          teamId: minute.route.teamId,
          modelId: minute.route.modelId,
          versionId: minute.route.version.id,
          minute: new Date(minute.at),
          requests: minute.requests,
          errors: minute.errors,
          p50Us: minute.histogram.quantile(0.5),
          p99Us: minute.histogram.quantile(0.99),
        });
        minute.requests = 0;
        minute.errors = 0;
      } else if (now - minute.at >= 2 * MINUTE_MS) this.minutes.delete(key);
    }
    return rows;
  }

  putBack(rows: readonly MinuteRow[]): void {
    for (const row of rows) {
      const minute = this.minutes.get(`${row.versionId}/${row.minute.getTime()}`);
      if (!minute) continue;
      minute.requests += row.requests;
      minute.errors += row.errors;
    }
  }

  /** Prometheus text, version 0.0.4. Seconds, as its conventions have it. */
  prometheus(revision: number): string {
    const lines = [
      "# HELP lathe_gateway_route_revision Revision of the route table in force.",
      "# TYPE lathe_gateway_route_revision gauge",
      `lathe_gateway_route_revision ${revision}`,
      "# HELP lathe_gateway_requests_total Requests answered, by model, version and status.",
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
    for (const { labels, histogram } of totals) {
      let below = 0;
      let next = 0;
      for (const { edge, index } of SHOWN) {
        for (; next <= index; next += 1) below += histogram.counts[next] ?? 0;
        lines.push(
          `lathe_gateway_request_seconds_bucket{${labels},le="${(edge / 1e6).toPrecision(4)}"} ${below}`,
        );
      }
      lines.push(
        `lathe_gateway_request_seconds_bucket{${labels},le="+Inf"} ${histogram.total}`,
        `lathe_gateway_request_seconds_sum{${labels}} ${histogram.sumUs / 1e6}`,
        `lathe_gateway_request_seconds_count{${labels}} ${histogram.total}`,
      );
    }
    return `${lines.join("\n")}\n`;
  }
}
