/**
 * Requests for a version that sleeps: held while it wakes, a bounded number for a bounded time. Their bodies are with
 * them where they are small, else still with their clients.
 */
import type { ServerResponse } from "node:http";
import { labelsOf } from "./labels";
import { keyOf, nameOf, type ServedVersion } from "./table";

export interface HoldLimits {
  /** Requests held for a version. */
  most: number;
  /** How long one is held, ms. */
  ms: number;
}
export const HOLD: HoldLimits = { most: 100, ms: 30_000 };

export interface Waker {
  /** Asks for a replica; answers the wake's id. Rejects when the database is away. */
  wake(served: ServedVersion): Promise<string>;
  /** Keeps how long the first request of a wake took from here to its answer, ms. */
  woken(wakeId: string, served: ServedVersion, coldStartMs: number): void;
  isAsleep(served: ServedVersion): boolean;
}

/** What is held: it goes on once its version has a replica, or is refused. */
export interface Held {
  response: ServerResponse;
  goOn(): void;
  /** @param retryAfter seconds */
  refuse(why: string, retryAfter: number): void;
}

interface Waiting extends Held {
  heldAt: number;
  leave(): void;
}
interface Sleeper {
  served: ServedVersion;
  /** In the order in which they came. */
  waiting: Set<Waiting>;
  wake: { askedAt: number; id: Promise<string> } | null;
  wakes: number;
}

export class Holding {
  private readonly sleepers = new Map<string, Sleeper>();

  constructor(
    private readonly waker: Waker,
    private readonly limits: HoldLimits,
  ) {}

  /** Holds a request until its version has a replica, its time is over or its client leaves. */
  hold(served: ServedVersion, held: Held): void {
    // It woke while the request's body came.
    if (!this.waker.isAsleep(served)) {
      held.goOn();
      return;
    }
    const sleeper = this.sleeperOf(served);
    const { waiting } = sleeper;
    if (waiting.size >= this.limits.most) {
      held.refuse(`${nameOf(served)} wakes, and ${waiting.size} requests wait for it already.`, 1);
      return;
    }
    const leave = () => {
      waiting.delete(entry);
      clearTimeout(expiry);
      held.response.off("close", leave);
    };
    const expiry = setTimeout(() => {
      leave();
      held.refuse(`${nameOf(served)} was asleep and is not awake after ${this.limits.ms / 1000} s.`, 5);
    }, this.limits.ms);
    held.response.on("close", leave);
    const entry: Waiting = { ...held, heldAt: performance.now(), leave };
    waiting.add(entry);
    this.wake(sleeper);
  }

  /** A table came into force: what waited for a version that answers now goes on, in order. */
  tableChanged(): void {
    for (const sleeper of this.sleepers.values()) {
      if (sleeper.waiting.size === 0 || this.waker.isAsleep(sleeper.served)) continue;
      this.measure(sleeper);
      for (const held of this.empty(sleeper)) held.goOn();
    }
  }

  /** Refuses everything that is held. */
  stop(): void {
    for (const sleeper of this.sleepers.values())
      for (const held of this.empty(sleeper)) held.refuse("The gateway ends.", 1);
  }

  prometheus(): string {
    const all = [...this.sleepers.values()].map((s) => ({ ...s, labels: labelsOf(s.served) }));
    const lines = [
      "# HELP lathe_gateway_held Requests that wait for a version to wake.",
      "# TYPE lathe_gateway_held gauge",
      ...all.map(({ labels, waiting }) => `lathe_gateway_held{${labels}} ${waiting.size}`),
      "# HELP lathe_gateway_wakes_total Times that this gateway asked for a replica of a version that slept.",
      "# TYPE lathe_gateway_wakes_total counter",
      ...all.map(({ labels, wakes }) => `lathe_gateway_wakes_total{${labels}} ${wakes}`),
    ];
    return `${lines.join("\n")}\n`;
  }

  private sleeperOf(served: ServedVersion): Sleeper {
    const key = keyOf(served);
    const known = this.sleepers.get(key);
    if (known) return known;
    const sleeper: Sleeper = { served, waiting: new Set(), wake: null, wakes: 0 };
    this.sleepers.set(key, sleeper);
    return sleeper;
  }

  /** Asks once for all that wait, and again when a whole wait was in vain. */
  private wake(sleeper: Sleeper): void {
    const now = performance.now();
    if (sleeper.wake && now - sleeper.wake.askedAt < this.limits.ms) return;
    const wake = { askedAt: now, id: this.waker.wake(sleeper.served) };
    sleeper.wake = wake;
    wake.id.then(
      () => {
        sleeper.wakes += 1;
      },
      (error: unknown) => {
        if (sleeper.wake === wake) sleeper.wake = null;
        const why = error instanceof Error && error.message ? error.message : String(error);
        const words = `${nameOf(sleeper.served)} is asleep and can't be woken, for the database is away: ${why}`;
        for (const held of this.empty(sleeper)) held.refuse(words, 5);
      },
    );
  }

  /** Has the answer to whoever waits longest tell how long the cold start was. */
  private measure({ served, waiting, wake }: Sleeper): void {
    const [first] = waiting;
    if (!first || !wake) return;
    first.response.once("finish", () => {
      if (first.response.statusCode >= 500) return;
      const took = Math.round(performance.now() - first.heldAt);
      void wake.id.then((id) => this.waker.woken(id, served, took)).catch(() => {});
    });
  }

  private empty(sleeper: Sleeper): Waiting[] {
    const all = [...sleeper.waiting];
    for (const held of all) held.leave();
    sleeper.wake = null;
    return all;
  }
}
