/** A replay in words and rows: figures side by side, what is assumed, how near it comes to what was. Pure. */
import { count, decimal, duration, MINUS, money, plural, signed } from "@/components/ui/format";
import type { Replay, ReplayFigures } from "./types";

export interface FigureRow {
  label: string;
  isPart?: boolean;
  /** Null is not known. */
  of: (figures: ReplayFigures) => number | null;
  say: (value: number) => string;
  difference: (value: number) => string;
}

const signedMoney = (value: number) => (value > 0.005 ? `+${money(value)}` : money(value));
const signedDuration = (seconds: number) =>
  Math.abs(seconds) < 0.05 ? "0 s" : `${seconds > 0 ? "+" : MINUS}${duration(Math.abs(seconds))}`;
const MONEY = { say: (value: number) => money(value), difference: signedMoney };
const HOURS = {
  say: (value: number) => `${decimal(value, value < 100 ? 1 : 0)} h`,
  difference: (value: number) => `${signed(value, Math.abs(value) < 100 ? 1 : 0)} h`,
};
const TIME = { say: (value: number) => duration(value), difference: signedDuration };
const COUNT = { say: (value: number) => count(value), difference: (value: number) => signed(value) };

export const FIGURES: readonly FigureRow[] = [
  { label: "Cost", of: (f) => f.cost, ...MONEY },
  { label: "with work", isPart: true, of: (f) => f.busyCost, ...MONEY },
  { label: "idle", isPart: true, of: (f) => f.idleCost, ...MONEY },
  { label: "Node hours", of: (f) => f.nodeHours, ...HOURS },
  { label: "idle", isPart: true, of: (f) => f.idleHours, ...HOURS },
  { label: "Nodes, at most", of: (f) => f.nodesAtMost, ...COUNT },
  { label: "Waited together", of: (f) => f.waited.total, ...TIME },
  { label: "half of them less than", isPart: true, of: (f) => f.waited.p50, ...TIME },
  { label: "95% less than", isPart: true, of: (f) => f.waited.p95, ...TIME },
  { label: "longest", isPart: true, of: (f) => f.waited.longest, ...TIME },
  { label: "Waited over a minute", of: (f) => f.waited.overMinute, ...COUNT },
  { label: "Still waiting at the end", of: (f) => f.waited.still, ...COUNT },
  { label: "Refused: would never fit", of: (f) => f.refused, ...COUNT },
];

export const cellSays = (row: FigureRow, figures: ReplayFigures): string => {
  const value = row.of(figures);
  return value === null ? "not known" : row.say(value);
};

export function differenceSays(row: FigureRow, from: ReplayFigures, to: ReplayFigures): string {
  const [before, after] = [row.of(from), row.of(to)];
  return before === null || after === null ? "" : row.difference(after - before);
}

/** How far the replay of the limits that hold is from what was. */
export function errorSays({ was, asIs }: Replay): string {
  const say = ({ cost, nodeHours }: ReplayFigures) =>
    cost === null ? `${decimal(nodeHours, 1)} node hours` : money(cost);
  return `${say(was)} as it was, ${say(asIs)} as replayed`;
}

export function assumptionsSay({ starts }: Replay): string {
  const delays = starts.map(
    ({ name, seconds, isMeasured }) =>
      `${duration(seconds)} in ${name}${isMeasured ? "" : ", assumed since it was not seen to start one"}`,
  );
  return `Assumed: work takes as long as it did and nothing fails; one set of limits holds all the time; a node starts in the time it usually took (${delays.join("; ")}); work that this console did not start counts as a whole node.`;
}

export const LAST = { "24h": "The last 24 hours", "7d": "Last week", "30d": "The last 30 days" } as const;
export type Span = keyof typeof LAST;

/** "Last week it would have cost $4.10 instead of $9.20, and waited 3 min instead of 12 min." */
export function lineSays({ asIs, asWouldBe }: Replay): string | null {
  if (!asWouldBe) return null;
  const cost =
    asIs.cost === null || asWouldBe.cost === null
      ? `used ${decimal(asWouldBe.nodeHours, 1)} instead of ${decimal(asIs.nodeHours, 1)} node hours`
      : `cost ${money(asWouldBe.cost)} instead of ${money(asIs.cost)}`;
  const waited = `${duration(asWouldBe.waited.total)} instead of ${duration(asIs.waited.total)}`;
  const refused = asWouldBe.refused - asIs.refused;
  const never = refused > 0 ? ` ${plural(refused, "demand")} would never have fitted.` : "";
  return `Last week it would have ${cost}, and work would have waited ${waited} together.${never}`;
}
