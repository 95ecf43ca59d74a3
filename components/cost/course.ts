/** The lines of the chart: what was spent by and by, and what will be. Pure; x is Unix ms, y dollars. */
import type { Cost } from "./types";

const DAY_MS = 86_400_000;
export interface At {
  x: number;
  y: number;
}

/** From the month's first moment to where the books end. */
export function spentCourse({
  days,
  from,
  until,
  bookedUntil,
}: Pick<Cost, "days" | "from" | "until" | "bookedUntil">): At[] {
  const end = Math.min(until, bookedUntil?.getTime() ?? from);
  const points: At[] = [{ x: from, y: 0 }];
  let sum = 0;
  let last = from;
  for (const { day, amount } of days) {
    const begins = Date.parse(`${day}T00:00:00Z`);
    if (begins > last) points.push({ x: begins, y: sum });
    sum += amount;
    last = Math.min(begins + DAY_MS, Math.max(end, begins));
    points.push({ x: last, y: sum });
  }
  return points;
}

/** From the last point to the end of the month, with the range around it: it widens with the root of time. */
export function forecastCourse(from: At, { forecast, until }: Pick<Cost, "forecast" | "until">) {
  if (!forecast || from.x >= until) return null;
  const { expected, range } = forecast;
  const steps = Array.from({ length: 21 }, (_, i) => i / 20);
  const x = (part: number) => from.x + (until - from.x) * part;
  const expectedAt = (part: number) => from.y + (expected - from.y) * part;
  return {
    line: [from, { x: until, y: expected }],
    band:
      range &&
      steps.map((part) => ({
        x: x(part),
        high: expectedAt(part) + (range.high - expected) * Math.sqrt(part),
        low: Math.max(from.y, expectedAt(part) - (expected - range.low) * Math.sqrt(part)),
      })),
  };
}
