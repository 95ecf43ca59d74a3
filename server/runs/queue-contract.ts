/** Who goes next in the queue: by priority, which rises while one waits, then by age. Pure. */
import type { Priority } from "./contract";

/** After so long a run counts as one priority higher: it never waits for ever behind what keeps coming. */
export const RISES_AFTER_HOURS = 4;

export const RANKS = { high: 0, normal: 1, low: 2 } as const satisfies Record<Priority, number>;

/** 0 goes first. */
export const rankOf = (priority: Priority, waitedHours: number): number =>
  Math.max(0, RANKS[priority] - Math.floor(waitedHours / RISES_AFTER_HOURS));
