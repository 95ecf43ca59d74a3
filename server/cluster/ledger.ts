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

/** Why nodes are started: who asks for what, or the bare demand when its owner is already gone. */
export function upReason(waiting: readonly Waiting[], demandedCpus: number): string {
  if (waiting.length === 0) {
    return demandedCpus > 0
      ? `${amount(demandedCpus, "CPU")} asked for, and no node had them free`
      : "The pool keeps at least this many nodes";
  }
  const asks = waiting.map((w) => `${resourcesSay(w)} for ${w.label}`).join("; ");
  return `${asks}; no node had them free`;
}

/** Why a node left: idleness, a drain and a loss are told apart. */
export function downReason(
  name: string,
  reason: "idle" | "drained" | "lost",
  idleSeconds: number,
  message: string,
): string {
  if (reason === "idle") return `${name} had nothing to do for ${idleSeconds} s`;
  if (reason === "drained") return `${name} was drained`;
  return `${name} was lost${message ? `: ${message}` : ": it stopped answering"}`;
}

export interface OpenDecision {
  id: number;
  requested: number;
  achieved: number;
}
export interface ScaleUp {
  /** Decisions that nodes which joined now fulfil. */
  fulfil: { id: number; by: string[] }[];
  /** A decision to record: nodes beyond those that are already on their way. */
  decide: { requested: number; achieved: string[] } | null;
}

/** Matches nodes that joined and launches under way with the decisions still open for their pool, oldest first. */
export function matchScaleUp(
  open: readonly OpenDecision[],
  joined: readonly string[],
  pending: number,
): ScaleUp {
  const left = [...joined];
  const fulfil: ScaleUp["fulfil"] = [];
  let outstanding = 0;
  for (const decision of open) {
    const by = left.splice(0, decision.requested - decision.achieved);
    if (by.length > 0) fulfil.push({ id: decision.id, by });
    outstanding += decision.requested - decision.achieved - by.length;
  }
  const extra = Math.max(0, pending - outstanding);
  const decide = left.length + extra > 0 ? { requested: left.length + extra, achieved: left } : null;
  return { fulfil, decide };
}
