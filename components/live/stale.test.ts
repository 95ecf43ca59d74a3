import { QueryClient, QueryObserver } from "@tanstack/react-query";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Stale } from "./stale";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const LOST = Number.POSITIVE_INFINITY;

/** A screen that shows how often something changed; each answer takes as long as it is told, ms. */
function screen(answerTakes: () => number) {
  const client = new QueryClient({ defaultOptions: { queries: { retry: false, staleTime: 30_000 } } });
  const server = { changes: 0, asked: 0 };
  let isHidden = false;
  const observer = new QueryObserver(client, {
    queryKey: [["cluster", "overview"]],
    queryFn: async () => {
      server.asked += 1;
      const { changes } = server;
      const takes = answerTakes();
      await new Promise((resolve) => takes < LOST && setTimeout(resolve, takes));
      return changes;
    },
  });
  const stop = observer.subscribe(() => undefined);
  const stale = new Stale(client, () => isHidden);
  return {
    server,
    stop,
    shown: () => observer.getCurrentResult().data,
    change: () => {
      server.changes += 1;
      stale.mark(["cluster.overview"]);
    },
    hide: (now: boolean) => {
      isHidden = now;
      stale.shown();
    },
  };
}

describe("what an event made stale", () => {
  test("is shown, whatever answers before were late, lost, or overtaken by events", async () => {
    const takes = fc.oneof(fc.integer({ min: 0, max: 900 }), fc.constantFrom(6_000, LOST));
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 700 }), takes), { minLength: 1, maxLength: 20 }),
        async (events) => {
          const answers = events.map(([, took]) => took);
          let isOver = false;
          const { server, shown, change, stop } = screen(() => (isOver ? 10 : (answers.shift() ?? 10)));
          for (const [wait] of events) {
            await vi.advanceTimersByTimeAsync(wait);
            change();
          }
          isOver = true;
          change();
          // One may be on its way that is lost.
          await vi.advanceTimersByTimeAsync(6_000);
          expect(shown()).toBe(server.changes);
          stop();
        },
      ),
      { numRuns: 50 },
    );
  });

  test("is shown while events come faster than answers", async () => {
    const { server, shown, change, stop } = screen(() => 400);
    for (let i = 0; i < 100; i += 1) {
      await vi.advanceTimersByTimeAsync(50);
      change();
    }
    expect(server.changes - (shown() ?? 0)).toBeLessThan(25);
    stop();
  });

  test("is not asked for while nobody looks, and once when somebody does", async () => {
    const { server, shown, change, hide, stop } = screen(() => 10);
    await vi.advanceTimersByTimeAsync(100);
    hide(true);
    for (let i = 0; i < 5; i += 1) {
      change();
      await vi.advanceTimersByTimeAsync(1_000);
    }
    expect(server.asked).toBe(1);
    hide(false);
    await vi.advanceTimersByTimeAsync(100);
    expect([server.asked, shown()]).toEqual([2, 5]);
    stop();
  });
});
