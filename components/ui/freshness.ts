/** How far a value may be trusted by its age. */
export type Freshness = "fresh" | "late" | "stale" | "dead";

/** Multiples of a value's own period from which on it is late, stale and dead. */
const LATE = 2;
const STALE = 5;
const DEAD = 30;

/** The freshness of a value `ageMs` old that should renew every `periodMs`; without a period it is always fresh. */
export function freshness(ageMs: number, periodMs: number | undefined): Freshness {
  if (periodMs === undefined) return "fresh";
  const periods = ageMs / periodMs;
  if (periods < LATE) return "fresh";
  if (periods < STALE) return "late";
  return periods < DEAD ? "stale" : "dead";
}
