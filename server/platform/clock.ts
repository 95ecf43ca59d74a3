/**
 * The database's clock as a process elsewhere reads it. Hosts' clocks differ, and what one process stamps is compared
 * with what others do: minutes of traffic, ends of tokens, the moment a table came into force.
 */
import { setTimeout as delay } from "node:timers/promises";

/** Answers one row with `ms`, Unix milliseconds: the moment of the question, also within a transaction. */
export const TIME_SQL = "select (extract(epoch from clock_timestamp()) * 1000)::float8 as ms";

/** Asks the database what time it is, Unix milliseconds. */
export type AskTime = () => Promise<number>;

/** `Date.now()` cuts fractions off. */
const CUT_MS = 1;
const FOLLOW_MS = 10_000;

export class DatabaseClock {
  private offsetMs = 0;

  constructor(
    private readonly ask: AskTime,
    private readonly own: () => number = Date.now,
  ) {}

  /** Unix milliseconds. This host's time until the database was asked, and while the two don't differ noticeably. */
  readonly now = (): number => this.own() + this.offsetMs;

  /**
   * Compares the clocks once. A difference that the way of the question may explain is none: on one host nothing is
   * ever corrected, however busy it is.
   */
  async compare(): Promise<void> {
    const asked = this.own();
    const theirs = await this.ask();
    const halfWay = (this.own() - asked) / 2;
    const difference = theirs - (asked + halfWay);
    this.offsetMs = Math.abs(difference) <= halfWay + CUT_MS ? 0 : Math.round(difference);
  }

  /** Compares again and again until the signal; a database that is away leaves the last difference in force. */
  async follow(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.compare().catch(() => {});
      await delay(FOLLOW_MS, undefined, { signal, ref: false }).catch(() => {});
    }
  }
}
