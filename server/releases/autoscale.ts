/** How many replicas a version needs, from the requests in flight that gateways count. Pure. */
import type { Scaling } from "./scaling-contract";

export interface LoadSample {
  /** When its 10 s began. */
  at: Date;
  /** Requests under way at all gateways, the mean over these 10 s. */
  inFlight: number;
}

/** What was needed within this time stays: fewer replicas only after a quiet while. */
export const QUIET_MS = 180_000;
const SAMPLE_MS = 10_000;
const MINUTE_MS = 60_000;
/** Fewer replicas only where each of them would have this share of its target at most. */
const SLACK = 0.8;

/**
 * Up at once to what the busiest sample of the quiet window needs; down to what it leaves room for. Between the two
 * nothing changes, so that a load at the edge moves nothing.
 *
 * @param current replicas that are there or starting
 */
export function desiredCount(
  scaling: Scaling,
  load: readonly LoadSample[],
  current: number,
  now: Date,
): number {
  const since = now.getTime() - QUIET_MS - SAMPLE_MS;
  const peak = Math.max(0, ...load.filter((s) => s.at.getTime() > since).map((s) => s.inFlight));
  const needed = Math.ceil(peak / scaling.target);
  const roomy = Math.ceil(peak / (scaling.target * SLACK));
  const wanted = current < needed ? needed : Math.min(current, roomy);
  return Math.min(scaling.max, Math.max(scaling.min, wanted));
}

/**
 * Whether a model that may go without replicas was not asked for its idle time.
 *
 * @param askedAt its last request, or when its version began to serve
 */
export const isIdle = ({ min, idleMinutes }: Scaling, askedAt: Date | null, now: Date): boolean =>
  min === 0 && (askedAt === null || now.getTime() - askedAt.getTime() > idleMinutes * MINUTE_MS);
