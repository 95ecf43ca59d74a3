/**
 * Which replicas are asked. One that fails several times in a row is left out for a growing time, then asked
 * whether it is ready, and comes back when it is. At most half of a version's replicas are out, so that a fault
 * of something else (a request that breaks every replica, the network) never takes the version away.
 */
import { type Agent, request as send } from "node:http";
import type { Upstream } from "./table";

const FAILURES = 3;
const FIRST_MS = 1_000;
const LONGEST_MS = 60_000;
/** Who has answered for so long counts as never failed. */
const FORGIVEN_MS = 60_000;
const READY_MS = 2_000;

interface State {
  failuresInRow: number;
  timesOut: number;
  /** When it is asked again; null while it takes part. */
  outUntil: number | null;
  backAt: number;
  isAsked: boolean;
}

/** Whether a replica says that it is ready. */
export type Ask = (upstream: Upstream) => Promise<boolean>;

export class Health {
  private readonly states = new WeakMap<Upstream, State>();

  /** @param now ms of a clock that never goes back */
  constructor(
    private readonly ask: Ask,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Those of a version's replicas that take part. Asks those whose time out is over, without waiting. */
  takingPart(upstreams: readonly Upstream[]): readonly Upstream[] {
    if (!upstreams.some((upstream) => this.isOut(upstream))) return upstreams;
    for (const upstream of upstreams) this.askAgain(upstream);
    return upstreams.filter((upstream) => !this.isOut(upstream));
  }

  answered(upstream: Upstream): void {
    const state = this.states.get(upstream);
    if (!state || state.outUntil !== null) return;
    state.failuresInRow = 0;
    if (this.now() - state.backAt > FORGIVEN_MS) state.timesOut = 0;
  }

  /** @param peers all replicas of its version */
  failed(upstream: Upstream, peers: readonly Upstream[]): void {
    const state = this.stateOf(upstream);
    state.failuresInRow += 1;
    if (state.outUntil !== null || state.failuresInRow < FAILURES) return;
    const out = peers.filter((peer) => this.isOut(peer)).length;
    if (out + 1 <= peers.length / 2) this.putOut(state);
  }

  private isOut(upstream: Upstream): boolean {
    return (this.states.get(upstream)?.outUntil ?? null) !== null;
  }

  private putOut(state: State): void {
    state.outUntil = this.now() + Math.min(FIRST_MS * 2 ** state.timesOut, LONGEST_MS);
    state.timesOut += 1;
  }

  private askAgain(upstream: Upstream): void {
    const state = this.states.get(upstream);
    if (!state || state.outUntil === null || state.isAsked || this.now() < state.outUntil) return;
    state.isAsked = true;
    void this.ask(upstream).then((isReady) => {
      state.isAsked = false;
      if (!isReady) return this.putOut(state);
      state.outUntil = null;
      state.failuresInRow = 0;
      state.backAt = this.now();
    });
  }

  private stateOf(upstream: Upstream): State {
    const known = this.states.get(upstream);
    if (known) return known;
    const state = { failuresInRow: 0, timesOut: 0, outUntil: null, backAt: this.now(), isAsked: false };
    this.states.set(upstream, state);
    return state;
  }
}

/** Asks `GET /ready` of a replica; never rejects. */
export const askReady =
  (agent: Agent): Ask =>
  ({ hostname, port, authorization }) =>
    new Promise((resolve) => {
      const out = send({ agent, hostname, port, path: "/ready", headers: { authorization } }, (answer) => {
        answer.resume();
        resolve(answer.statusCode === 200);
      });
      const expiry = setTimeout(() => out.destroy(), READY_MS);
      out.on("error", () => resolve(false));
      out.on("close", () => {
        clearTimeout(expiry);
        resolve(false);
      });
      out.end();
    });
