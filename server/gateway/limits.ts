/** How often a token may ask: a bucket for each, in this gateway's memory. */

interface Bucket {
  tokens: number;
  at: number;
}

/** Token buckets that hold one second's worth: a caller may send that much at once, and then keeps the rate. */
export class RateLimits {
  private readonly buckets = new Map<string, Bucket>();

  /**
   * Takes one request out of a bucket.
   * @param now ms of a clock that never goes back
   * @returns 0 when it may go on, else ms until the next may
   */
  take(key: string, perSecond: number, now: number): number {
    const bucket = this.buckets.get(key) ?? { tokens: perSecond, at: now };
    this.buckets.set(key, bucket);
    bucket.tokens = Math.min(perSecond, bucket.tokens + ((now - bucket.at) / 1000) * perSecond);
    bucket.at = now;
    if (bucket.tokens < 1) return ((1 - bucket.tokens) / perSecond) * 1000;
    bucket.tokens -= 1;
    return 0;
  }
}
