import { figureOf } from "@/components/ui/figure";
import type { DatasetTask } from "@/server/datasets/contract";

/**
 * Half of an interval, after its number. Once the whole test set is measured there is no chance left in the
 * difference on this set: the sessions tell 0, and a "±0.00" would only look like one.
 */
export const interval = (half: number, task: DatasetTask): string =>
  half === 0 ? "" : ` ${figureOf(task).half(half)}`;
