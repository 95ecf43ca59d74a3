/** A scaling decision in words and shapes: why, how far it came, what failed. Pure. */
import { duration } from "@/components/ui/format";
import type { State } from "@/components/ui/shape";
import type { DecisionCause } from "@/server/cluster/contract";

/** A crash, a preemption, a drain and idleness are never taken for each other. */
export const CAUSES: Record<DecisionCause, { shape: State; word: string }> = {
  demand: { shape: "running", word: "asked for" },
  minimum: { shape: "ok", word: "minimum" },
  returned: { shape: "warning", word: "back" },
  flapping: { shape: "bad", word: "flapping" },
  idle: { shape: "ok", word: "idle" },
  drained: { shape: "off", word: "drained" },
  preempted: { shape: "warning", word: "preempted" },
  lost: { shape: "bad", word: "crashed" },
};

interface Outcome {
  cause: DecisionCause;
  direction: "up" | "down";
  requested: number;
  achieved: number;
  achievedSeconds: number | null;
  failures: number;
  failure: string | null;
  retryAt: Date | null;
  withdrawnAt: Date | null;
}

interface Decided extends Pick<Outcome, "cause" | "direction" | "requested"> {
  /** Names of its nodes, the first few. */
  nodes: readonly string[];
  pool: string;
}

/**
 * "3 of 5" while some are missing, "5 in 42 s" once all are there, "0 of 1, taken back" where no launch went on; a node
 * that leaves, or comes and goes, says nothing.
 */
export function achievedSays({ cause, direction, withdrawnAt, ...outcome }: Outcome): string {
  const { requested, achieved, achievedSeconds } = outcome;
  if (direction === "down" || cause === "flapping") return "";
  if (achieved < requested) return `${achieved} of ${requested}${withdrawnAt ? ", taken back" : ""}`;
  return achievedSeconds === null ? `${achieved}` : `${achieved} in ${duration(achievedSeconds)}`;
}

const ARROWS = { up: "▲ +", down: "▼ −" } as const;
/** "▲ +2 local-cpu", or whom it is about. */
export function decisionSays({ cause, direction, requested, nodes, pool }: Decided): string {
  const who = nodes.length > 0 && requested <= nodes.length ? nodes.join(", ") : pool;
  return cause === "flapping" ? `▲▼ ${who}` : `${ARROWS[direction]}${requested} ${who}`;
}

/** Failed launches with when they are tried again; null where none failed. @param now Unix ms */
export function failureSays(
  { failures, failure, retryAt, requested, achieved }: Outcome,
  now: number,
): string | null {
  if (failures === 0) return null;
  const what = `${failures} ${failures === 1 ? "launch" : "launches"} failed${failure ? `: ${failure.replace(/\.$/, "")}` : ""}`;
  if (achieved >= requested) return `${what}; it came true after all.`;
  if (!retryAt || retryAt.getTime() <= now) return `${what}.`;
  return `${what}; tried again in ${duration(Math.ceil((retryAt.getTime() - now) / 1000))}.`;
}
