/** When the limits of a pool change within a time. Pure. */
import { type Limits, limitsAt, minuteOf, minuteThere, type Schedule } from "../schedule-contract";
import type { Range } from "./demand";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY = 24 * 60;

/** Limits with since when they hold, the first at `from`. Clocks are put forward and back at whole hours. */
export function limitsOver(
  schedule: Schedule | null,
  usual: Limits,
  { from, to }: Range,
): (Limits & { at: number })[] {
  const limits = [{ at: from, ...limitsAt(schedule, usual, new Date(from)) }];
  if (!schedule) return limits;
  const edges = new Set<number>();
  for (let hour = Math.floor(from / HOUR_MS) * HOUR_MS; hour < to; hour += HOUR_MS) {
    edges.add(hour);
    const there = minuteThere(schedule.timeZone, new Date(hour));
    for (const clock of [schedule.from, schedule.to]) {
      const ahead = (minuteOf(clock) - there + DAY) % DAY;
      if (ahead < 60) edges.add(hour + ahead * MINUTE_MS);
    }
  }
  for (const at of [...edges].sort((a, b) => a - b)) {
    const now = limitsAt(schedule, usual, new Date(at));
    const last = limits.at(-1);
    if (at > from && at < to && (last?.min !== now.min || last?.max !== now.max)) limits.push({ at, ...now });
  }
  return limits;
}
