/** Why something waits, as every screen says it. Pure. */
import type { State } from "@/components/ui/shape";
import type { ClusterOverview } from "./types";

type Why = ClusterOverview["waiting"][number]["why"];

/** Causes that pass by themselves stand quietly beside those that somebody must mend. */
export const WHY_SHAPES: Record<Why["cause"], State> = {
  ...{ never: "bad", failed: "warning", limit: "warning", budget: "warning" },
  ...{ starting: "pending", room: "pending", queue: "pending", fits: "pending" },
};
