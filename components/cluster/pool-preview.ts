/** What an edit of a pool would do, in sentences, before it is done. Pure. */
import { duration, money, plural } from "@/components/ui/format";
import { hoursAWeek, type Schedule, scheduleSays } from "@/server/cluster/schedule-contract";

export interface PoolValues {
  min: number;
  max: number;
  idleSeconds: number;
  pricePerHour: number | null;
  preemptible: boolean;
  /** Office hours with limits of their own. */
  schedule: Schedule | null;
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
  if (next.min > now.min && toStart === 0)
    says.push(
      `${plural(next.min, "node")} of those that are up ${next.min === 1 ? "stays" : "stay"} without work.`,
    );
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
  if (JSON.stringify(next.schedule) !== JSON.stringify(now.schedule)) says.push(hoursSay(next));
  if (next.preemptible !== now.preemptible)
    says.push(
      next.preemptible
        ? "A node that somebody else drains counts as preempted: trainings leave it with a checkpoint, replicas get successors."
        : "A node that somebody else drains counts as drained.",
    );
  if (next.pricePerHour !== now.pricePerHour)
    says.push("Nodes that are up cost the new price from their start on; those that left keep theirs.");
  return says;
}

function hoursSay({ schedule, min, max }: PoolValues): string {
  if (!schedule) return `The same limits hold at any time: ${min} to ${plural(max, "node")}.`;
  const within = `${schedule.min} to ${plural(schedule.max, "node")}`;
  return `${scheduleSays(schedule)}: ${within}; at any other time ${min} to ${max}. Nodes with work end it first.`;
}

const HOURS_A_WEEK = 7 * 24;

/** What the pool costs at most, and what it costs if nobody uses it. */
export function costsSay({ min, max, pricePerHour, schedule }: PoolValues): string {
  if (pricePerHour === null) return "not known, as it has no price";
  const most = Math.max(max, schedule?.max ?? 0) * pricePerHour;
  const hours = schedule ? hoursAWeek(schedule) : 0;
  const kept = (hours * (schedule?.min ?? 0) + (HOURS_A_WEEK - hours) * min) * pricePerHour;
  return `at most ${money(most)} an hour, and ${money(kept)} a week without work`;
}

/** What an edit reaches, and when. */
export const appliedSays = (followsPools: boolean): string =>
  followsPools
    ? "The running cluster takes it over within seconds, without a restart; it stands from then on, over the configuration."
    : "This cluster has an autoscaler of its own: set the same limits there, and restart it where it asks for that. Here they hold at once for the queue, for forecasts and for cost.";
