/** What an edit of a pool would do, in sentences, before it is done. Pure. */
import { duration, money, plural } from "@/components/ui/format";

export interface PoolValues {
  min: number;
  max: number;
  idleSeconds: number;
  pricePerHour: number | null;
}

export interface PoolNow extends PoolValues {
  /** Nodes that are up. */
  nodes: number;
}

/** One sentence for each thing that changes; none where nothing does. */
export function poolChanges(now: PoolNow, next: PoolValues): string[] {
  const says: string[] = [];
  const toStart = Math.max(0, next.min - now.nodes);
  if (toStart > 0)
    says.push(`${plural(toStart, "node starts", "nodes start")} at once, to have the least of ${next.min}.`);
  if (next.max > now.max)
    says.push(`Up to ${plural(next.max - now.max, "node")} more may start when work asks for them.`);
  const over = Math.max(0, now.nodes - next.max);
  if (next.max < now.max)
    says.push(
      over > 0
        ? `${plural(over, "idle node leaves", "idle nodes leave")}; it is refused where they have work.`
        : "No node that is up has to leave.",
    );
  if (next.min < now.min)
    says.push(
      `${plural(now.min - next.min, "node")} fewer ${now.min - next.min === 1 ? "is" : "are"} kept up without work.`,
    );
  if (next.idleSeconds !== now.idleSeconds)
    says.push(
      `A node leaves after ${duration(next.idleSeconds)} without work instead of ${duration(now.idleSeconds)}.`,
    );
  if (next.pricePerHour !== now.pricePerHour)
    says.push("Nodes that are up cost the new price from their start on; those that left keep theirs.");
  return says;
}

/** What the pool costs an hour at most, before and after. */
export function mostPerHour({ max, pricePerHour }: PoolValues): string {
  return pricePerHour === null ? "not known: it has no price" : `${money(max * pricePerHour)} an hour`;
}
