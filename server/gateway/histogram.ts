/** Latencies in buckets: small, mergeable by addition, and exact enough for a quantile. */

/** Upper edges, µs: a factor of 1.15 apart, so a quantile is at most 7% off. */
const EDGES = Array.from({ length: 100 }, (_, i) => 50 * 1.15 ** i);
/** Every fourth edge goes to Prometheus. */
const SHOWN = EDGES.map((edge, index) => ({ edge, index })).filter(({ index }) => index % 4 === 3);
const LOG_STEP = Math.log(1.15);

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

  /** The lines of a Prometheus histogram, in seconds. */
  prometheus(name: string, labels: string): string[] {
    const lines: string[] = [];
    let below = 0;
    let next = 0;
    for (const { edge, index } of SHOWN) {
      for (; next <= index; next += 1) below += this.counts[next] ?? 0;
      lines.push(`${name}_bucket{${labels},le="${(edge / 1e6).toPrecision(4)}"} ${below}`);
    }
    lines.push(
      `${name}_bucket{${labels},le="+Inf"} ${this.total}`,
      `${name}_sum{${labels}} ${this.sumUs / 1e6}`,
      `${name}_count{${labels}} ${this.total}`,
    );
    return lines;
  }
}
