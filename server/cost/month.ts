/** Months and days as they are booked: by the calendar, in UTC. */

export const DAY_MS = 86_400_000;

export interface MonthSpan {
  /** "2026-11". */
  month: string;
  /** Unix ms of its first moment, and of the next month's. */
  from: number;
  until: number;
}

export function monthSpan(month: string): MonthSpan {
  const [year = 0, of = 1] = month.split("-").map(Number);
  return { month, from: Date.UTC(year, of - 1), until: Date.UTC(year, of) };
}

/** @param at Unix ms */
export const monthOf = (at: number): MonthSpan => monthSpan(new Date(at).toISOString().slice(0, 7));

/** "2026-11-28". @param at Unix ms */
export const dayOf = (at: number): string => new Date(at).toISOString().slice(0, 10);

const say = (at: number, how: Intl.DateTimeFormatOptions) =>
  new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", ...how }).format(at);
/** "November"; "1 December". @param at Unix ms */
export const monthSays = (at: number): string => say(at, { month: "long" });
export const daySays = (at: number): string => say(at, { day: "numeric", month: "long" });
