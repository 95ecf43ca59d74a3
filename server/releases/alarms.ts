/** What ends a rollout by itself: rules over the counts of gateways. Pure; `watch.ts` acts on it. */
import type { AlarmRules, Reading } from "./rollout-contract";

/** Counts of one version over 10 s, of all gateways. */
export interface Window {
  at: Date;
  requests: number;
  errors: number;
  p99Us: number;
}
export interface Seen {
  /** Of the new version since its rollout began, oldest first. */
  candidate: readonly Window[];
  /** Of the version that it replaces; its last ones once it has no traffic any more. */
  reference: readonly Window[];
  /** Mirrored requests of this rollout; null where none were. */
  shadow: { compared: number; agreed: number } | null;
}

export const WINDOW_MS = 10_000;
/** Gateways store their counts every 5 s; a window is complete this long after its end. */
const SETTLE_MS = 7_000;
/** Windows that a rate is taken over. */
const SPAN = 6;
/** Errors must be beyond their limit in `of` the last windows: one burst is not yet a version. */
const ERRORS = { beyond: 2, of: 3 };
const LATENCY = { beyond: 2, of: 2 };

/** Where each rule stands. */
export function readings(rules: AlarmRules, seen: Seen, now: Date): Reading[] {
  const last = Math.floor((now.getTime() - SETTLE_MS) / WINDOW_MS) - 1;
  const ends = (n: number) => Array.from({ length: n }, (_, i) => (last - i) * WINDOW_MS);
  const errors = ends(ERRORS.of).map((end) => errorsAt(rules, seen, end));
  const latency = ends(LATENCY.of).map((end) => latencyAt(rules, seen, end));
  const read = [
    reading("errors", errors, ERRORS, {
      label: `Errors ≥ ${percent(rules.errorRate)} and ≥ ${rules.errorFactor}× the other version's, over ≥ ${rules.minRequests} requests`,
    }),
    reading("latency", latency, LATENCY, { label: `p99 ≥ ${rules.latencyFactor}× the other version's` }),
  ];
  return seen.shadow ? [...read, agreement(rules, seen.shadow)] : read;
}

/** The first rule that fires; null while none does. */
export const firing = (rules: AlarmRules, seen: Seen, now: Date): Reading | null =>
  readings(rules, seen, now).find((r) => r.fires) ?? null;

interface Finding {
  value: number | null;
  limit: number | null;
  words: string;
}
const isBeyond = ({ value, limit }: Finding): boolean => value !== null && limit !== null && value >= limit;

function reading(
  rule: Reading["rule"],
  findings: readonly Finding[],
  { beyond: needed }: { beyond: number },
  { label }: { label: string },
): Reading {
  const beyond = findings.filter(isBeyond).length;
  const { value, limit, words } = findings[0] ?? { value: null, limit: null, words: "nothing counted yet" };
  return { rule, label, value, limit, words, beyond, fires: beyond >= needed };
}

interface Rate {
  requests: number;
  errors: number;
}
const sum = (windows: readonly Window[]): Rate => ({
  requests: windows.reduce((total, w) => total + w.requests, 0),
  errors: windows.reduce((total, w) => total + w.errors, 0),
});
const rate = ({ requests, errors }: Rate) => (requests === 0 ? 0 : errors / requests);
/** The windows of the minute whose last window begins at `end`. */
const minuteTo = (windows: readonly Window[], end: number) =>
  windows.filter(({ at }) => at.getTime() <= end && at.getTime() > end - SPAN * WINDOW_MS);
const lastKnown = (windows: readonly Window[]) => windows.filter((w) => w.requests > 0).slice(-SPAN);

function errorsAt(rules: AlarmRules, seen: Seen, end: number): Finding {
  const candidate = sum(minuteTo(seen.candidate, end));
  const beside = sum(minuteTo(seen.reference, end));
  const reference = beside.requests > 0 ? beside : sum(lastKnown(seen.reference));
  const limit = Math.max(rules.errorRate, rules.errorFactor * rate(reference));
  const words = `${percent(rate(candidate))} of ${candidate.requests} requests, the other version ${percent(rate(reference))}`;
  return { value: candidate.requests < rules.minRequests ? null : rate(candidate), limit, words };
}

function latencyAt(rules: AlarmRules, seen: Seen, end: number): Finding {
  const at = (windows: readonly Window[]) =>
    windows.find((w) => w.at.getTime() === end && w.requests >= rules.minRequests);
  const candidate = at(seen.candidate);
  const before = lastKnown(seen.reference).map((w) => w.p99Us);
  const reference = at(seen.reference)?.p99Us ?? before.toSorted((a, b) => a - b)[before.length >> 1];
  if (!candidate || !reference) return { value: null, limit: null, words: "too few requests in 10 s" };
  const words = `p99 ${ms(candidate.p99Us)}, the other version ${ms(reference)}`;
  return { value: candidate.p99Us, limit: rules.latencyFactor * reference, words };
}

function agreement(rules: AlarmRules, { compared, agreed }: { compared: number; agreed: number }): Reading {
  const share = compared === 0 ? 1 : agreed / compared;
  const fires = compared >= rules.minCompared && share < rules.agreement;
  return {
    rule: "agreement",
    label: `Same answer in < ${percent(rules.agreement)}, over ≥ ${rules.minCompared} compared`,
    value: compared < rules.minCompared ? null : share,
    limit: rules.agreement,
    words: compared === 0 ? "nothing compared yet" : `${percent(share)} of ${compared} compared`,
    beyond: fires ? 1 : 0,
    fires,
  };
}

const percent = (fraction: number): string => `${Number((fraction * 100).toFixed(1))}%`;
const ms = (us: number): string => `${Number((us / 1000).toPrecision(3))} ms`;
