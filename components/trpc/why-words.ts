/** Why something waits, as every screen says it. Pure. */
import type { State } from "@/components/ui/shape";
import type { Outputs } from "./client";

type Why = Outputs["cluster"]["overview"]["waiting"][number]["why"];

/** Causes that pass by themselves stand quietly beside those that somebody must mend. */
export const WHY_SHAPES: Record<Why["cause"], State> = {
  ...{ never: "bad", failed: "warning", limit: "warning" },
  ...{ starting: "pending", room: "pending", queue: "pending", fits: "pending" },
};

/** What the agent says of it is nearer to Ray, but only where the console has handed it over. */
export const whySays = ({
  why,
  message,
}: {
  why: Pick<Why, "cause" | "says">;
  message: string | null;
}): string => (why.cause === "fits" && message ? message : why.says);
