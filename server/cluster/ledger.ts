/** Scaling decisions in words: pure. A decision without a recorded reason would be a defect. */

export interface Waiting {
  /** "run 12 (Recover garment-cls v2)". */
  label: string;
  cpus: number;
  gpus: number;
}

const amount = (n: number, unit: string) => `${Number(n.toFixed(2))} ${unit}${n === 1 ? "" : "s"}`;

/** "2 CPUs and 1 GPU". */
export function resourcesSay({ cpus, gpus }: { cpus: number; gpus: number }): string {
  const parts = [cpus > 0 ? amount(cpus, "CPU") : "", gpus > 0 ? amount(gpus, "GPU") : ""].filter(Boolean);
  return parts.length > 0 ? parts.join(" and ") : "no resources";
}

/** What no node has free. */
interface Missing {
  cpus: number;
  gpus: number;
}

/** Why nodes are started: who asks for what, or the bare demand when its owner is already gone. */
export function upReason(waiting: readonly Waiting[], missing: Missing): string {
  if (waiting.length > 0) {
    const asks = waiting.map((w) => `${resourcesSay(w)} for ${w.label}`).join("; ");
    return `${asks}; no node had them free`;
  }
  return upCause(waiting, missing) === "demand"
    ? `${resourcesSay(missing)} asked for, and no node had them free`
    : "The pool keeps at least this many nodes";
}

export const upCause = (waiting: readonly Waiting[], { cpus, gpus }: Missing): "demand" | "minimum" =>
  waiting.length > 0 || cpus > 0 || gpus > 0 ? "demand" : "minimum";

export type EndReason = "idle" | "drained" | "preempted" | "lost";

interface Departure {
  /** Of whoever drained it, or of its end; "" where nobody said anything. */
  message: string;
  /** Who drained it here. */
  by: string | null;
}

/** Why a node left: idleness, a drain, a preemption and a loss are told apart. */
export function downReason(
  name: string,
  reason: EndReason,
  idleSeconds: number,
  { message, by }: Departure,
): string {
  if (reason === "idle") return `${name} had nothing to do for ${idleSeconds} s`;
  if (reason === "drained") {
    const why = message && message !== "Drained" ? `: ${message}` : "";
    return `${name} was drained${by ? ` by ${by}` : ""}${why}`;
  }
  if (reason === "preempted") return `${name} was taken away by whoever lends it: its pool is preemptible`;
  return `${name} was lost${message ? `: ${message}` : ": it stopped answering"}`;
}

/** A node that was taken for lost is there again. */
export const returnReason = (name: string, seconds: number): string =>
  `${name} answers again after ${Math.round(seconds)} s: it had not been lost`;

/** A node that is lost again soon after it came back flaps: one entry tells of all of it. */
export const FLAP_MINUTES = 10;
export const flapReason = (name: string, losses: number, seconds: number, isUp: boolean): string =>
  `${name} comes and goes: lost ${losses} times within ${Math.max(1, Math.ceil(seconds / 60))} min; it ${isUp ? "answers now" : "is away now"}`;

interface Failed {
  pool: string;
  count: number;
  message: string;
  retryInMs: number | null;
}

/** Launches that failed since `before`: the autoscaler tells of each for a while. By pool, with the newest message. */
export function newFailures(before: readonly Failed[], now: readonly Failed[]): Failed[] {
  const told = new Map<string, number>();
  for (const { pool, message, count } of before)
    told.set(`${pool} ${message}`, count + (told.get(`${pool} ${message}`) ?? 0));
  const found = new Map<string, Failed>();
  for (const failed of now) {
    const key = `${failed.pool} ${failed.message}`;
    const fresh = Math.max(0, failed.count - (told.get(key) ?? 0));
    told.set(key, Math.max(0, (told.get(key) ?? 0) - failed.count));
    if (fresh > 0) found.set(failed.pool, { ...failed, count: fresh + (found.get(failed.pool)?.count ?? 0) });
  }
  return [...found.values()];
}

export interface OpenDecision {
  id: number;
  requested: number;
  achieved: number;
  /** Launches that failed for it are tried again after a while. */
  failures: number;
}
export interface ScaleUp {
  /** Decisions that nodes which joined now fulfil. */
  fulfil: { id: number; by: string[] }[];
  /** Decisions of which nothing is under way any more, so that what is launched from now on is not theirs. */
  withdraw: number[];
  /** A decision to record: nodes beyond those that are already on their way. */
  decide: { requested: number; achieved: string[] } | null;
}

/**
 * Matches nodes that joined and launches under way with the decisions still open for their pool, oldest first.
 *
 * @param wasLaunching whether launches were under way in the report before
 */
export function matchScaleUp(
  open: readonly OpenDecision[],
  joined: readonly string[],
  pending: number,
  wasLaunching: boolean,
): ScaleUp {
  const left = [...joined];
  const fulfil: ScaleUp["fulfil"] = [];
  const withdraw: number[] = [];
  let outstanding = 0;
  for (const decision of open) {
    const by = left.splice(0, decision.requested - decision.achieved);
    if (by.length > 0) fulfil.push({ id: decision.id, by });
    const missing = decision.requested - decision.achieved - by.length;
    if (missing > 0 && !wasLaunching && decision.failures === 0) withdraw.push(decision.id);
    else outstanding += missing;
  }
  const extra = Math.max(0, pending - outstanding);
  const decide = left.length + extra > 0 ? { requested: left.length + extra, achieved: left } : null;
  return { fulfil, withdraw, decide };
}
