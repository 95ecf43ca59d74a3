/** From runs side by side to rows, axes and lines: pure. */
import type { LiveSeries } from "@/components/charts/live-data";
import type { Stroke } from "@/components/charts/types";
import type { ComparedLine, ComparedRun } from "./types";

/** What lines are drawn over. */
export type Over = "step" | "time" | "epoch";

/** A property of all runs; null where one has none. */
export interface PropertyRow {
  name: string;
  values: (string | null)[];
}
export interface PropertyGroup {
  title: string;
  differing: PropertyRow[];
  equal: PropertyRow[];
}

/** Configuration and logged parameters: what differs apart from what all share, in the order of their first run. */
export function propertyGroups(runs: readonly ComparedRun[]): PropertyGroup[] {
  const groups: [string, (run: ComparedRun) => (readonly [string, string])[]][] = [
    ["Configuration", (run) => run.configuration],
    ["Logged parameters", (run) => run.params.map(({ key, value }) => [key, value])],
  ];
  return groups.flatMap(([title, pairsOf]) => {
    const known = runs.map((run) => new Map(pairsOf(run)));
    const names = [...new Set(known.flatMap((pairs) => [...pairs.keys()]))];
    const rows = names.map((name) => ({ name, values: known.map((pairs) => pairs.get(name) ?? null) }));
    const isEqual = ({ values }: PropertyRow) => values.every((value) => value === values[0]);
    if (rows.length === 0) return [];
    return [{ title, differing: rows.filter((row) => !isEqual(row)), equal: rows.filter(isEqual) }];
  });
}

/** The number that a value begins with: `0.05, 3% warm-up` is 0.05; a digest is none. */
export function numberOf(text: string): number | null {
  const found = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?(?=$|[%\s,])/i.exec(text.trim());
  return found ? Number(found[0]) : null;
}

/** An axis of the parallel plot. */
export interface Axis {
  name: string;
  /** By run; null where it has no value. */
  values: (number | null)[];
  /** Words at 0, 1, 2 …, for values that are no numbers. */
  words: string[] | null;
}

const AXES_AT_MOST = 8;
const WORDS_AT_MOST = 12;

/** Properties that differ, numbers before words; one whose words are too many to stand on an axis is left out. */
export function axesOf(runs: readonly ComparedRun[]): Axis[] {
  const axes = propertyGroups(runs)
    .flatMap(({ differing }) => differing)
    .map(axisOf)
    .filter((axis) => axis !== null);
  return [...axes.filter((axis) => !axis.words), ...axes.filter((axis) => axis.words)].slice(0, AXES_AT_MOST);
}

function axisOf({ name, values }: PropertyRow): Axis | null {
  const numbers = values.map((value) => (value === null ? null : numberOf(value)));
  const isNumeric = values.every((value, index) => value === null || numbers[index] !== null);
  if (isNumeric && new Set(numbers).size > 1) return { name, values: numbers, words: null };
  const words = [...new Set(values.filter((value) => value !== null))].sort();
  if (words.length > WORDS_AT_MOST) return null;
  return { name, values: values.map((value) => (value === null ? null : words.indexOf(value))), words };
}

/** Names of metrics, those that most runs have first; an order that changes no more once it is known. */
export function metricsOf(runs: readonly ComparedRun[]): { name: string; runs: number }[] {
  const counts = new Map<string, number>();
  for (const { newest } of runs) for (const { name } of newest) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts]
    .map(([name, n]) => ({ name, runs: n }))
    .sort((a, b) => b.runs - a.runs || (a.name < b.name ? -1 : 1));
}

export const newestValue = (run: ComparedRun, name: string): number | null =>
  run.newest.find((metric) => metric.name === name)?.value ?? null;

const COLORS = 8;
const STROKES = ["solid", "dashed", "dotted"] as const satisfies Stroke[];

/** Eight colours, then the same dashed, then dotted. */
export const lookOf = (index: number): { color: string; stroke: Stroke } => ({
  color: `var(--series-${(index % COLORS) + 1})`,
  stroke: STROKES[Math.floor(index / COLORS) % STROKES.length] ?? "solid",
});

/** Lines with bands up to this many; more would drown in them. */
const BANDS_AT_MOST = 4;

/** One line a run that is in sight, in the look of its place among all; over epochs only where those are known. */
export function linesOf(
  lines: readonly ComparedLine[],
  runs: readonly ComparedRun[],
  hidden: ReadonlySet<number>,
  over: Over,
): LiveSeries[] {
  return runs.flatMap((run, index) => {
    const buckets = lines.find((line) => line.run === run.number)?.buckets ?? [];
    const divisor = over === "epoch" ? run.stepsAnEpoch : 1;
    if (buckets.length === 0 || hidden.has(run.number) || divisor === null) return [];
    return [
      {
        ...lookOf(index),
        key: String(run.number),
        label: `run ${run.number}`,
        x: buckets.map((bucket) => bucket.x / divisor),
        y: buckets.map((bucket) => bucket.mean),
        min: buckets.map((bucket) => bucket.min),
        max: buckets.map((bucket) => bucket.max),
        hasBand: runs.length - hidden.size <= BANDS_AT_MOST,
      },
    ];
  });
}
