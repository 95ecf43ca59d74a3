/** Waiting for a newer desired state: woken by the outbox, with a poll of 500 ms behind it. */
import type { Database } from "../platform/db";
import { relay } from "../platform/live/relay";
import { shutdown } from "../platform/shutdown";
import type { DesiredState } from "./contract";
import { readRevision } from "./repo";
import { desiredState } from "./service";

const POLL_MS = 500;

/**
 * The desired state as soon as its revision is another than `after`, a lower one where a backup was restored; null when
 * the wait ends first.
 */
export async function waitForDesired(
  db: Database,
  clusterId: string,
  options: { after: number; waitMs: number; signal: AbortSignal },
): Promise<DesiredState | null> {
  const deadline = Date.now() + options.waitMs;
  let wake = () => {};
  const signal = AbortSignal.any([options.signal, shutdown()]);
  const onAbort = () => wake();
  signal.addEventListener("abort", onAbort);
  const unsubscribe = relay().subscribe({ onEvents: () => wake(), onNews: () => {} });
  try {
    for (;;) {
      let news = false;
      const changed = new Promise<void>((resolve) => {
        wake = () => {
          news = true;
          resolve();
        };
      });
      if ((await readRevision(db, clusterId)) !== options.after) return await desiredState(db, clusterId);
      const left = deadline - Date.now();
      if (left <= 0 || signal.aborted) return null;
      if (!news) await within(changed, Math.min(POLL_MS, left));
    }
  } finally {
    signal.removeEventListener("abort", onAbort);
    unsubscribe();
  }
}

async function within(promise: Promise<void>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  await Promise.race([promise, new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)))]);
  clearTimeout(timer);
}
