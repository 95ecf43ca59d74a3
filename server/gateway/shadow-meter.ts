/** What came of mirrored requests: rows of `shadow_minute`, and Prometheus text. */
import type { Environment } from "./contract";
import { Histogram } from "./histogram";
import { labelsOf } from "./labels";
import { type Held, Periods } from "./periods";
import { keyOf, type ServedVersion } from "./table";

const MINUTE_MS = 60_000;

/**
 * agreed, differed: both outputs were compared; a shadow that fails where the answer did not, differs.
 * not_compared: the outputs are binary or too large. dropped: too many were under way.
 */
export type ShadowResult = "agreed" | "differed" | "not_compared" | "dropped";

/** Counts are those since the row was last taken; the quantiles are of the whole minute. */
export interface ShadowRow {
  teamId: string;
  modelId: string;
  versionId: string;
  environment: Environment;
  /** The version that answered. */
  referenceId: string;
  at: Date;
  compared: number;
  agreed: number;
  notCompared: number;
  dropped: number;
  p50Us: number;
  p99Us: number;
  referenceP50Us: number;
  referenceP99Us: number;
}

type Counts = Record<ShadowResult, number>;
const noCounts = (): Counts => ({ agreed: 0, differed: 0, not_compared: 0, dropped: 0 });

class ShadowCell implements Held<ShadowRow> {
  private counts = noCounts();
  readonly own = new Histogram();
  readonly reference = new Histogram();

  constructor(
    private readonly shadow: ServedVersion,
    private readonly referenceId: string,
  ) {}

  count(result: ShadowResult, us?: { shadow: number; reference: number }): void {
    this.counts[result] += 1;
    if (!us) return;
    this.own.add(us.shadow);
    this.reference.add(us.reference);
  }
  isEmpty(): boolean {
    return Object.values(this.counts).every((n) => n === 0);
  }
  take(at: Date): ShadowRow {
    const { agreed, differed, not_compared: notCompared, dropped } = this.counts;
    this.counts = noCounts();
    return {
      teamId: this.shadow.teamId,
      modelId: this.shadow.modelId,
      versionId: this.shadow.version.id,
      environment: this.shadow.environment,
      referenceId: this.referenceId,
      at,
      compared: agreed + differed,
      agreed,
      notCompared,
      dropped,
      p50Us: this.own.quantile(0.5),
      p99Us: this.own.quantile(0.99),
      referenceP50Us: this.reference.quantile(0.5),
      referenceP99Us: this.reference.quantile(0.99),
    };
  }
  putBack(row: ShadowRow): void {
    this.counts.agreed += row.agreed;
    this.counts.differed += row.compared - row.agreed;
    this.counts.not_compared += row.notCompared;
    this.counts.dropped += row.dropped;
  }
}

interface Total {
  labels: string;
  counts: Counts;
  shadow: Histogram;
  reference: Histogram;
}

export class ShadowMeter {
  readonly minutes = new Periods<ShadowCell, ShadowRow>(
    MINUTE_MS,
    (row) => `${row.environment}/${row.versionId}/${row.referenceId}`,
  );
  private totals = new Map<string, Total>();

  /** @param us of both at their replicas, µs; left out where the shadow did not answer */
  count(
    shadow: ServedVersion,
    reference: ServedVersion,
    result: ShadowResult,
    now: number,
    us?: { shadow: number; reference: number },
  ): void {
    const key = `${keyOf(shadow)}/${reference.version.id}`;
    this.minutes.at(key, now, () => new ShadowCell(shadow, reference.version.id)).count(result, us);
    let total = this.totals.get(key);
    if (!total) {
      const labels = `${labelsOf(shadow)},reference="${reference.version.number}"`;
      total = { labels, counts: noCounts(), shadow: new Histogram(), reference: new Histogram() };
      this.totals.set(key, total);
    }
    total.counts[result] += 1;
    if (us) {
      total.shadow.add(us.shadow);
      total.reference.add(us.reference);
    }
  }

  prometheus(): string[] {
    const totals = [...this.totals.values()];
    const counts = totals.flatMap(({ labels, counts }) =>
      Object.entries(counts).map(
        ([result, n]) => `lathe_gateway_shadow_requests_total{${labels},result="${result}"} ${n}`,
      ),
    );
    return [
      "# HELP lathe_gateway_shadow_requests_total Requests mirrored to a shadow, by what came of them.",
      "# TYPE lathe_gateway_shadow_requests_total counter",
      ...counts,
      "# HELP lathe_gateway_shadow_seconds A mirrored request at its replica.",
      "# TYPE lathe_gateway_shadow_seconds histogram",
      ...totals.flatMap((t) => t.shadow.prometheus("lathe_gateway_shadow_seconds", t.labels)),
      "# HELP lathe_gateway_shadow_reference_seconds The same requests at the replica that answered them.",
      "# TYPE lathe_gateway_shadow_reference_seconds histogram",
      ...totals.flatMap((t) => t.reference.prometheus("lathe_gateway_shadow_reference_seconds", t.labels)),
    ];
  }
}
