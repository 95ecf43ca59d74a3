/** Office hours of a pool: when other limits are in force than usually, in the time zone of whoever works then. Pure. */
import { z } from "zod";

const Clock = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'a time such as "08:30"');
const Nodes = z.number().int("a whole number").min(0, "not below 0").max(10_000, "at most 10,000");

export const DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"] as const;
export type Day = (typeof DAYS)[number];

export const Limits = z.object({ min: Nodes, max: Nodes });
export type Limits = z.infer<typeof Limits>;

/** On its days from `from` until `to`, which lies on the next day where it is the earlier, these limits hold. */
export const Schedule = z
  .object({
    /** IANA name: "Europe/Berlin". */
    timeZone: z.string().refine(isTimeZone, 'a time zone such as "Europe/Berlin"'),
    /** On which it begins. */
    days: z.array(z.enum(DAYS)).min(1, "at least one day").max(7),
    from: Clock,
    to: Clock,
    ...Limits.shape,
  })
  .refine(({ from, to }) => from !== to, { message: "not when it begins", path: ["to"] })
  .refine(({ min, max }) => min <= max, { message: "not below the least", path: ["max"] });
export type Schedule = z.infer<typeof Schedule>;

/** As a pool keeps it: with what holds at every other time. */
export const KeptSchedule = z.object({ hours: Schedule, usual: Limits });

/** What a pool is held to at `now`. */
export function limitsAt(schedule: Schedule | null, usual: Limits, now: Date): Limits {
  if (!schedule || !isWithin(schedule, now)) return { min: usual.min, max: usual.max };
  return { min: schedule.min, max: schedule.max };
}

const MINUTES = 24 * 60;

export function isWithin(schedule: Schedule, now: Date): boolean {
  const { day, minute } = localTime(schedule.timeZone, now);
  const [from, to] = [minuteOf(schedule.from), minuteOf(schedule.to)];
  const begins = (which: number) => schedule.days.includes(DAYS[(which + 7) % 7] as Day);
  if (from < to) return begins(day) && minute >= from && minute < to;
  return (begins(day) && minute >= from) || (begins(day - 1) && minute < to);
}

/** How many hours of a week it holds. */
export function hoursAWeek({ days, from, to }: Pick<Schedule, "days" | "from" | "to">): number {
  const minutes = (minuteOf(to) - minuteOf(from) + MINUTES) % MINUTES;
  return (new Set(days).size * minutes) / 60;
}

/** "Mon to Fri, 08:00 to 18:00 in Berlin". */
export function scheduleSays({ days, from, to, timeZone }: Schedule): string {
  return `${daysSay(days)}, ${from} to ${to} in ${timeZone.split("/").at(-1)?.replaceAll("_", " ")}`;
}

/** "Mon to Fri", "Mon, Wed" or "every day". */
function daysSay(days: readonly Day[]): string {
  const chosen = DAYS.filter((day) => days.includes(day));
  if (chosen.length === DAYS.length) return "every day";
  const [first, last] = [chosen[0], chosen.at(-1)];
  const isRow =
    first && last && DAYS.indexOf(last) - DAYS.indexOf(first) === chosen.length - 1 && chosen.length > 2;
  return isRow ? `${first} to ${last}` : chosen.join(", ");
}

/** Minutes since midnight of "08:30". */
export const minuteOf = (clock: string): number => Number(clock.slice(0, 2)) * 60 + Number(clock.slice(3));

/** Making one takes a hundred times as long as using it. */
const clocks = new Map<string, Intl.DateTimeFormat>();

function clockIn(timeZone: string): Intl.DateTimeFormat {
  const known = clocks.get(timeZone);
  if (known) return known;
  const made = new Intl.DateTimeFormat("en-GB", {
    ...{ timeZone, weekday: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" },
  });
  clocks.set(timeZone, made);
  return made;
}

/** The day of the week, 0 for Monday, and the minute of the day there. */
function localTime(timeZone: string, now: Date): { day: number; minute: number } {
  const parts = clockIn(timeZone).formatToParts(now);
  const of = (type: Intl.DateTimeFormatPartTypes) => parts.find((part) => part.type === type)?.value ?? "";
  return { day: DAYS.indexOf(of("weekday") as Day), minute: minuteOf(`${of("hour")}:${of("minute")}`) };
}

/** The minute of the day there. */
export const minuteThere = (timeZone: string, now: Date): number => localTime(timeZone, now).minute;

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
