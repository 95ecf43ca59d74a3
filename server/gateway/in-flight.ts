/** Requests under way by version and environment, as time spent: what their mean over a period is made of. */
import { keyOf, type ServedVersion } from "./table";

/** Takes `ms` of request time that one version spent within the period that holds `at`. */
export type Spend = (served: ServedVersion, at: number, ms: number) => void;

export class InFlight {
  private readonly versions = new Map<string, { served: ServedVersion; n: number; since: number }>();

  /** @param periodMs time is spent period by period: one request may be under way for many */
  constructor(
    private readonly periodMs: number,
    private readonly spend: Spend,
  ) {}

  /** A request came; the answer is called when it is over. Times are Unix milliseconds. */
  begin(served: ServedVersion, now: number): (now: number) => void {
    this.change(served, 1, now);
    return (over) => this.change(served, -1, over);
  }

  /** Spends what is under way until now. */
  settle(now: number): void {
    for (const { served } of this.versions.values()) this.change(served, 0, now);
  }

  private change(served: ServedVersion, by: number, now: number): void {
    const key = keyOf(served);
    const version = this.versions.get(key) ?? { served, n: 0, since: now };
    this.versions.set(key, version);
    while (version.n > 0 && version.since < now) {
      const end = Math.min(now, version.since - (version.since % this.periodMs) + this.periodMs);
      this.spend(served, version.since, version.n * (end - version.since));
      version.since = end;
    }
    version.since = now;
    version.n += by;
    if (version.n === 0) this.versions.delete(key);
  }
}
