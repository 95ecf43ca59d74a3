/** What replicas tell with their answers of how they join requests, as Prometheus text. */
import type { IncomingHttpHeaders } from "node:http";
import { labelsOf } from "./labels";
import { keyOf, type Target, type Upstream } from "./table";

const EDGES = [1, 2, 4, 8, 16, 32, 64, 128];

interface Told {
  labels: string;
  /** Runs by the requests in them: one for each edge, and one for more. */
  runs: number[];
  requests: number;
  queued: Map<Upstream, number>;
}

export class Batches {
  private readonly byVersion = new Map<string, Told>();

  /** Takes `x-lathe-batch`, which one answer of each run carries, and `x-lathe-queue` out of an answer. */
  note(target: Target, upstream: Upstream, headers: IncomingHttpHeaders): void {
    const queued = Number(headers["x-lathe-queue"]);
    if (!Number.isInteger(queued)) return;
    const key = keyOf(target.route);
    let told = this.byVersion.get(key);
    if (!told) {
      told = {
        labels: labelsOf(target.route),
        runs: EDGES.map(() => 0).concat(0),
        requests: 0,
        queued: new Map(),
      };
      this.byVersion.set(key, told);
    }
    told.queued.set(upstream, queued);
    const size = Number(headers["x-lathe-batch"]);
    if (!(size >= 1)) return;
    const edge = EDGES.findIndex((most) => size <= most);
    const index = edge === -1 ? EDGES.length : edge;
    told.runs[index] = (told.runs[index] ?? 0) + 1;
    told.requests += size;
  }

  prometheus(): string {
    const lines = [
      "# HELP lathe_gateway_batch_size Requests that a replica ran together, by model and version.",
      "# TYPE lathe_gateway_batch_size histogram",
    ];
    const all = [...this.byVersion.values()];
    for (const { labels, runs, requests } of all) {
      let below = 0;
      runs.forEach((count, index) => {
        below += count;
        lines.push(`lathe_gateway_batch_size_bucket{${labels},le="${EDGES[index] ?? "+Inf"}"} ${below}`);
      });
      lines.push(
        `lathe_gateway_batch_size_sum{${labels}} ${requests}`,
        `lathe_gateway_batch_size_count{${labels}} ${below}`,
      );
    }
    lines.push(
      "# HELP lathe_gateway_queue_depth Requests that wait at replicas, as their last answers told.",
      "# TYPE lathe_gateway_queue_depth gauge",
    );
    for (const { labels, queued } of all) {
      // Who has none of ours under way can have none of ours waiting, whatever it told last.
      for (const upstream of queued.keys()) if (upstream.outstanding === 0) queued.delete(upstream);
      const depth = [...queued.values()].reduce((sum, n) => sum + n, 0);
      lines.push(`lathe_gateway_queue_depth{${labels}} ${depth}`);
    }
    return `${lines.join("\n")}\n`;
  }
}
