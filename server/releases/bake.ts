/**
 * Bake time: what serves production settles before another version is approved over it, so that a change is judged by
 * itself and the way back from the next one leads to something that held. Pure; counted from what served, not stored.
 */
import type { Gate } from "./contract";
import { bakeInWords } from "./policy-contract";
import { NOTHING_SERVES } from "./verdict";

const MINUTE_MS = 60_000;

/** One time that the serving version answered alone. */
export interface Span {
  from: Date;
  /** Null while it does. */
  to: Date | null;
  /** A rule of its rollout fired. */
  hasFired: boolean;
}
/** What serves, with all the times that it did, newest first. */
export interface Served {
  version: number;
  spans: readonly Span[];
}

/** The gate of a policy's bake time at this moment; null where the policy asks for none. */
export function bakeGate(minutes: number, served: Served | null, now: Date): Gate | null {
  if (minutes === 0) return null;
  const gate = { id: "bake", label: bakeInWords({ bakeMinutes: minutes }), until: null };
  if (!served) return { ...gate, blocks: false, ...NOTHING_SERVES };
  // Whatever replaces a version that an alarm told of mends it: it will never settle, so nothing waits for it.
  if (served.spans[0]?.hasFired)
    return {
      ...gate,
      state: "pass",
      value: `an alarm fired on v${served.version}`,
      words: "",
      blocks: false,
    };
  const left = minutes * MINUTE_MS - servedMs(served.spans, now);
  if (left <= 0)
    return { ...gate, state: "pass", value: `v${served.version} settled`, words: "", blocks: false };
  const minutesLeft = Math.ceil(left / MINUTE_MS);
  return {
    ...gate,
    state: "fail",
    value: `${minutes - minutesLeft} of ${minutes} min`,
    words: `v${served.version} settles in ${minutesLeft} min.`,
    blocks: true,
    until: new Date(now.getTime() + left).toISOString(),
  };
}

/** How long it served since the last alarm on it, ms. */
function servedMs(spans: readonly Span[], now: Date): number {
  let total = 0;
  for (const { from, to, hasFired } of spans) {
    if (hasFired) break;
    total += (to ?? now).getTime() - from.getTime();
  }
  return total;
}
