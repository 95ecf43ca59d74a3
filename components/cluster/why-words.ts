/** Why something waits, as every screen says it. Pure. */
import { decimal } from "@/components/ui/format";
import type { State } from "@/components/ui/shape";
import type { ClusterOverview } from "./types";

type Why = ClusterOverview["waiting"][number]["why"];

/** Causes that pass by themselves stand quietly beside those that somebody must mend. */
export const WHY_SHAPES: Record<Why["cause"], State> = {
  ...{ never: "bad", failed: "warning", limit: "warning", budget: "warning" },
  ...{ starting: "pending", room: "pending", queue: "pending", fits: "pending" },
};

/** "40 CPUs and 8 GPUs short"; null where nothing waits. */
export function shortSays(waiting: readonly { cpus: number; gpus: number }[]): string | null {
  const parts = [
    { unit: "CPU", sum: waiting.reduce((sum, { cpus }) => sum + cpus, 0) },
    { unit: "GPU", sum: waiting.reduce((sum, { gpus }) => sum + gpus, 0) },
  ].flatMap(({ unit, sum }) =>
    sum > 0 ? [`${decimal(sum, sum % 1 ? 1 : 0)} ${unit}${sum === 1 ? "" : "s"}`] : [],
  );
  return parts.length > 0 ? `${parts.join(" and ")} short` : null;
}
