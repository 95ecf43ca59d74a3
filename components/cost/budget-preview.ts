/** What a budget would mean, in sentences: pure. */
import { money, percent } from "@/components/ui/format";
import type { EditBudget } from "@/server/cost/contract";
import type { Cost } from "./types";
import { dayOfMonth } from "./words";

const DAY_MS = 86_400_000;
type Known = Pick<Cost, "spent" | "now" | "until" | "forecast" | "isCurrent">;

/** When an amount is spent at so much a day, Unix ms; null where that is not before the month ends. */
export function reachedAt(amount: number, perDay: number, { spent, now, until }: Known): number | null {
  if (spent >= amount) return now;
  if (perDay <= 0) return null;
  const at = now + ((amount - spent) / perDay) * DAY_MS;
  return at < until ? at : null;
}

/** "At the rate of the last 7 days, $12.30 a day, it is reached on the 21st: nothing starts from then on." */
export function budgetSays({ amount, isHard, thresholds }: Omit<EditBudget, "basedOn">, of: Known): string[] {
  if (amount === null) return ["Nothing is told of what is spent, and nothing is stopped."];
  const stops = isHard
    ? " nothing new starts until it is raised or the month ends."
    : " it is told, and work goes on.";
  const told = `It is told at ${thresholds.map((one) => `${one}% (${money((amount * one) / 100)})`).join(", ")}.`;
  if (amount === 0 && isHard) return ["Nothing may be launched.", "What runs and what serves goes on."];
  if (!of.isCurrent) return [told];
  if (of.spent >= amount)
    return [`It is spent already, ${money(of.spent)} of ${money(amount)}:${stops}`, told];
  if (!of.forecast) return ["When it is reached is not known before a whole day has been booked.", told];
  const { perDay, fromDays, expected } = of.forecast;
  const rate = `At the rate of the last ${fromDays === 1 ? "day" : `${fromDays} days`}, ${money(perDay)} a day,`;
  const at = reachedAt(amount, perDay, of);
  return [
    at === null
      ? `${rate} the month ends at ${percent(expected / amount, 0)} of it.`
      : `${rate} it is reached on the ${dayOfMonth(at)}:${stops}`,
    told,
  ];
}
