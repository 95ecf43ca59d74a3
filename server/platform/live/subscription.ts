/** One tab's stream: what it missed since its cursor, then what happens, in order, once. */

import { shutdown } from "../shutdown";
import type { LiveMessage } from "./contract";
import { type RelayedEvent, readEvents, relay } from "./relay";

const PING_MS = 10_000;
const BUFFER_MAX = 2_000;
const CATCH_UP_MAX = 5_000;

export interface Tab {
  teamId: string;
  topics: readonly string[];
  tails: readonly string[];
  cursor: string | null;
  signal: AbortSignal;
  now?: () => number;
}

/** Yields `[cursor, message]`; the cursor is null for messages that are not resumed. */
export async function* follow(tab: Tab): AsyncGenerator<[string | null, LiveMessage]> {
  const now = tab.now ?? Date.now;
  const topics = new Set(tab.topics);
  const tails = new Set(tab.tails);
  const concerns = (e: RelayedEvent) => topics.has(e.topic) && (e.teamId === null || e.teamId === tab.teamId);

  let queue: [string | null, LiveMessage][] = [];
  let overflowed = false;
  let wake = () => {};
  const push = (item: [string | null, LiveMessage]) => {
    if (queue.length >= BUFFER_MAX) overflowed = true;
    else queue.push(item);
    wake();
  };
  const unsubscribe = relay().subscribe({
    onEvents: (events) => {
      for (const e of events) if (concerns(e)) push([e.cursor, toMessage(e)]);
    },
    onNews: (news) => {
      if (tails.has(news.runId)) push([null, { type: "news", ...news }]);
    },
  });
  const ping = setInterval(() => push([null, { type: "ping", serverTime: now() }]), PING_MS);
  const ended = AbortSignal.any([tab.signal, shutdown()]);
  const abort = () => wake();
  ended.addEventListener("abort", abort);

  try {
    yield [null, { type: "hello", serverTime: now() }];
    let last = tab.cursor;
    if (last) {
      let read = 0;
      for (let missed = await readEvents(last); missed.length > 0; missed = await readEvents(last)) {
        for (const e of missed) if (concerns(e)) yield [e.cursor, toMessage(e)];
        last = missed.at(-1)?.cursor ?? last;
        read += missed.length;
        if (read >= CATCH_UP_MAX) {
          yield [last, { type: "resync" }];
          break;
        }
      }
    }
    while (!ended.aborted) {
      const batch = queue;
      queue = [];
      for (const [cursor, message] of batch) {
        if (cursor && last && !isAfter(cursor, last)) continue;
        last = cursor ?? last;
        yield [cursor, message];
      }
      if (overflowed) {
        overflowed = false;
        yield [null, { type: "resync" }];
      }
      if (queue.length === 0 && !ended.aborted) await new Promise<void>((resolve) => (wake = resolve));
    }
  } finally {
    clearInterval(ping);
    ended.removeEventListener("abort", abort);
    unsubscribe();
  }
}

const toMessage = (e: RelayedEvent): LiveMessage => ({
  type: "event",
  topic: e.topic,
  key: e.key,
  payload: e.payload,
  at: e.at,
});

function isAfter(a: string, b: string): boolean {
  const [ax = "0", ai = "0"] = a.split(":");
  const [bx = "0", bi = "0"] = b.split(":");
  return BigInt(ax) > BigInt(bx) || (BigInt(ax) === BigInt(bx) && BigInt(ai) > BigInt(bi));
}
