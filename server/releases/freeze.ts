/** Freeze windows on the clocks of a named time zone. Pure: the moment is passed in. */
import { type Freeze, minutesOf, WEEKDAYS } from "./policy-contract";

const MINUTE = 60_000;
const DAY = 86_400_000;
/** More windows in a row than this never open, for whoever asks. */
const MOST_IN_A_ROW = 400;

const formatters = new Map<string, Intl.DateTimeFormat>();
function formatter(timeZone: string): Intl.DateTimeFormat {
  const made =
    formatters.get(timeZone) ??
    new Intl.DateTimeFormat("en-US", {
      timeZone,
      hourCycle: "h23",
      year: "numeric",
      month: "2-digit",
      day: "2-digit",
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
    });
  formatters.set(timeZone, made);
  return made;
}

/** What clocks of the zone show at a moment, as if it were UTC, Unix milliseconds. */
function wallOf(timeZone: string, at: number): number {
  const parts = new Map(
    formatter(timeZone)
      .formatToParts(at)
      .map(({ type, value }) => [type, Number(value)]),
  );
  const part = (name: Intl.DateTimeFormatPartTypes) => parts.get(name) ?? 0;
  return Date.UTC(part("year"), part("month") - 1, part("day"), part("hour"), part("minute"), part("second"));
}

/** The moment at which clocks of the zone show this; where they skip it, the moment they jump over it. */
function momentOf(timeZone: string, wall: number): number {
  const offset = wallOf(timeZone, wall) - wall;
  const first = wall - offset;
  return wall - (wallOf(timeZone, first) - first);
}

interface Window {
  start: number;
  end: number;
  why: string;
}

function windowsNear({ timeZone, weekly, dated }: Freeze, at: number): Window[] {
  const moment = (wall: number) => momentOf(timeZone, wall);
  const today = Math.floor(wallOf(timeZone, at) / DAY) * DAY;
  const windows: Window[] = dated.map(({ from, to, why }) => ({
    start: moment(Date.parse(`${from}Z`)),
    end: moment(Date.parse(`${to}Z`)),
    why,
  }));
  for (const midnight of [today - DAY, today]) {
    const weekday = WEEKDAYS[(new Date(midnight).getUTCDay() + 6) % 7];
    for (const { days, from, to } of weekly) {
      if (!days.some((day) => day === weekday)) continue;
      const [begin, end] = [minutesOf(from), minutesOf(to)];
      windows.push({
        start: moment(midnight + begin * MINUTE),
        end: moment(midnight + (end > begin ? 0 : DAY) + end * MINUTE),
        why: `${days.join(", ")} ${from} to ${to}`,
      });
    }
  }
  return windows;
}

const windowAt = (freeze: Freeze, at: number): Window | undefined =>
  windowsNear(freeze, at).find(({ start, end }) => start <= at && at < end);

export interface Frozen {
  why: string;
  /** Null when windows follow on each other for longer than anybody waits. */
  opensAt: Date | null;
}

/** Whether approvals are frozen at this moment, why, and when they open. */
export function frozenAt(freeze: Freeze | null, now: Date): Frozen | null {
  const first = freeze ? windowAt(freeze, now.getTime()) : undefined;
  if (!freeze || !first) return null;
  let end = first.end;
  for (let i = 0; i < MOST_IN_A_ROW; i += 1) {
    const next = windowAt(freeze, end);
    if (!next) return { why: first.why, opensAt: new Date(end) };
    end = next.end;
  }
  return { why: first.why, opensAt: null };
}

/** "Frozen (year's end) until Mon, 4 Jan 2027, 08:00, Europe/Berlin." */
export function frozenInWords(freeze: Freeze, { why, opensAt }: Frozen): string {
  if (!opensAt) return `Approvals are frozen (${why}), and no opening is in sight.`;
  const until = new Intl.DateTimeFormat("en-GB", {
    timeZone: freeze.timeZone,
    weekday: "short",
    day: "numeric",
    month: "short",
    year: "numeric",
    hour: "2-digit",
    minute: "2-digit",
  }).format(opensAt);
  return `Approvals are frozen (${why}) until ${until}, ${freeze.timeZone}.`;
}
