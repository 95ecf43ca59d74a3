/** Which checkpoints of a run are kept, and why. Pure. */
import type { TrainHyper } from "./contract";

interface Stored {
  id: string;
  step: number;
  metrics: Record<string, number>;
}
export type KeepPolicy = Pick<TrainHyper, "keepLast" | "keepEverySteps">;

/** What the best one is judged by; checkpoints between evaluations have no such figure. */
const JUDGED_BY = "eval/accuracy";

/** By id, why a checkpoint is kept, in words; one that is not named can go. */
export function whyKept(stored: readonly Stored[], { keepLast, keepEverySteps }: KeepPolicy) {
  const why = new Map<string, string[]>();
  const keep = ({ id }: Stored, reason: string) => why.set(id, [...(why.get(id) ?? []), reason]);
  const newestFirst = stored.toSorted((a, b) => b.step - a.step);
  for (const one of newestFirst.slice(0, keepLast)) keep(one, one === newestFirst[0] ? "newest" : "recent");
  const judged = newestFirst.filter((one) => one.metrics[JUDGED_BY] !== undefined);
  const best = judged.toSorted((a, b) => (b.metrics[JUDGED_BY] ?? 0) - (a.metrics[JUDGED_BY] ?? 0))[0];
  if (best) keep(best, `best, accuracy ${((best.metrics[JUDGED_BY] ?? 0) * 100).toFixed(1)}%`);
  if (keepEverySteps > 0) {
    for (const one of newestFirst)
      if (one.step % keepEverySteps === 0) keep(one, `every ${keepEverySteps} steps`);
  }
  return why;
}
