import { afterEach, expect, it, vi } from "vitest";
import { serverNow, syncClock } from "./clock";

const NOON = Date.UTC(2026, 0, 5, 12);
afterEach(() => {
  vi.useRealTimers();
  syncClock(Date.now());
});

it.each([-86_400_000, 0, 3_600_000])(
  "a workplace whose clock is wrong by %i ms sees ages by the server's",
  (wrong) => {
    vi.useFakeTimers({ now: NOON + wrong });
    syncClock(NOON);
    vi.advanceTimersByTime(5_000);
    expect(serverNow()).toBe(NOON + 5_000);
  },
);
