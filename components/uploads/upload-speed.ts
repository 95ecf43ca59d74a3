/** Speed and time left of an upload, from what arrived when. */
export interface Sample {
  /** Milliseconds. */
  at: number;
  bytes: number;
}

/** Older samples than this say nothing about now. */
const WINDOW_MS = 5_000;

/** Keeps what is recent, and the last sample before it, so that a window always spans a stretch of time. */
export function remember(samples: readonly Sample[], next: Sample): Sample[] {
  const recent = samples.findIndex((sample) => sample.at > next.at - WINDOW_MS);
  const from = recent === -1 ? samples.length - 1 : Math.max(0, recent - 1);
  return [...samples.slice(Math.max(0, from)), next];
}

/** Bytes a second over the window; null before two moments are known. */
export function speedOf(samples: readonly Sample[]): number | null {
  const [first, last] = [samples[0], samples.at(-1)];
  if (!first || !last || last.at - first.at < 100) return null;
  return ((last.bytes - first.bytes) / (last.at - first.at)) * 1000;
}

/** Seconds until `total`; null where nothing moves. */
export function secondsLeft(samples: readonly Sample[], total: number): number | null {
  const speed = speedOf(samples);
  const sent = samples.at(-1)?.bytes ?? 0;
  return speed === null || speed <= 0 ? null : (total - sent) / speed;
}
