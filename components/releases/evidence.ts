/** Evidence of a request as rows of the forest plot and of the comparison. Pure. */
import type { ForestRow } from "@/components/charts/forest-plot";
import { figureOf } from "@/components/ui/figure";
import { bytes, change, compact, ms } from "@/components/ui/format";
import { type DatasetTask, TASKS } from "@/server/datasets/contract";
import type { PolicyRules, UpperLimit } from "@/server/releases/policy-contract";
import type { RequestPage } from "./words";

const Z95 = 1.959964;

/** Half of the 95% interval of a paired difference, as a fraction: `gained` and `lost` of `n` answers changed. */
export function pairedHalf(gained: number, lost: number, n: number): number {
  if (n === 0) return 0;
  const difference = (gained - lost) / n;
  return Z95 * Math.sqrt(Math.max(0, (gained + lost) / n - difference * difference) / n);
}

/** What the rows of a task are: classes or labels below all of them, or just all samples. */
export function rowsOf(task: DatasetTask): { head: string; all: string } {
  const { part } = TASKS[task];
  if (part === null) return { head: "Samples", all: "All samples" };
  return part === "label" ? { head: "Label", all: "All labels" } : { head: "Class", all: "All classes" };
}

/** All samples first, then each class or label; in points, or in the figure's own unit where it is no share. */
export function forestRows(
  evaluation: NonNullable<RequestPage["evaluation"]>,
  labels: readonly string[],
): ForestRow[] {
  const { paired, perClass, task } = evaluation;
  if (!paired) return [];
  const { scale } = figureOf(task);
  return [
    {
      id: "all",
      label: rowsOf(task).all,
      n: paired.n,
      difference: paired.difference * scale,
      half: paired.halfWidth * scale,
      isMain: true,
    },
    ...perClass.map(({ label, n, gained, lost }) => ({
      id: String(label),
      label: labels[label] ?? String(label),
      n,
      difference: n === 0 ? 0 : (scale * (gained - lost)) / n,
      half: scale * pairedHalf(gained, lost, n),
    })),
  ];
}

export interface SliceRow {
  name: string;
  n: number;
  score: string;
  /** Against production; empty where nothing serves. */
  difference: string;
  /** It is worse by more than chance. */
  loses: boolean;
}

/** Slices of the dataset, the one that loses most first; where nothing serves, the one that scores least. */
export function sliceRows({ perSlice, task }: NonNullable<RequestPage["evaluation"]>): SliceRow[] {
  const figure = figureOf(task);
  return perSlice
    .toSorted((a, b) => (a.paired?.difference ?? 0) - (b.paired?.difference ?? 0) || a.accuracy - b.accuracy)
    .map(({ name, n, accuracy, halfWidth, paired }) => ({
      name,
      n,
      score: `${figure.value(accuracy)} ${figure.half(halfWidth)}`,
      difference: paired ? `${figure.difference(paired.difference)} ${figure.half(paired.halfWidth)}` : "",
      loses: paired !== null && paired.difference + paired.halfWidth < 0,
    }));
}

/** The rows that a decision rests on where there is little room: all, the worst, the best. */
export function mainRows(rows: readonly ForestRow[]): ForestRow[] {
  const [all, ...classes] = rows;
  if (!all || classes.length <= 3) return [...rows];
  const sorted = classes.toSorted((a, b) => a.difference - b.difference);
  const worst = sorted[0];
  const best = sorted.at(-1);
  return [
    all,
    ...(worst ? [{ ...worst, label: `${worst.label}, worst` }] : []),
    ...(best && best !== worst ? [{ ...best, label: `${best.label}, best` }] : []),
  ];
}

/** What the interval says, without more than it says. */
export function verdictWords(difference: number, half: number, task: DatasetTask = "classification"): string {
  const low = difference - half;
  if (low > 0) return "Better than production: the interval excludes 0.";
  if (difference + half < 0) return "Worse than production: the interval excludes 0.";
  return `No worse than production beyond ${figureOf(task).difference(Math.abs(low)).replace("+", "")}; not shown to be better.`;
}

export interface ComparisonRow {
  id: string;
  what: string;
  candidate: string;
  production: string;
  change: string;
  /** A loss is in bold: larger or slower. */
  loses: boolean;
  /** On one scale, 0 to 1; null where one of both is missing. */
  at: { candidate: number; production: number; limit: number | null } | null;
  limit: string;
}

/** The tightest of these limits, in the measure's own unit; null when none holds. */
function tightest(limits: readonly UpperLimit[], production: number | null | undefined): number | null {
  const values = limits.flatMap(({ kind, atMost }) =>
    kind === "absolute" ? [atMost] : production ? [atMost * production] : [],
  );
  return values.length > 0 ? Math.min(...values) : null;
}
const sizeLimits = (rules: PolicyRules, measure: PolicyRules["sizes"][number]["measure"]) =>
  rules.sizes.filter((rule) => rule.measure === measure).map((rule) => rule.limit);
const latencyLimits = (rules: PolicyRules, batch: number) =>
  rules.latency.filter((rule) => rule.batch === batch).map((rule) => rule.limit);

export function comparisonRows(page: RequestPage): ComparisonRow[] {
  const { candidate, production, evaluation } = page;
  const { rules } = page.policy;
  const row = (
    id: string,
    what: string,
    write: (value: number | null) => string,
    a: number | null,
    b: number | null,
    limits: readonly UpperLimit[],
  ): ComparisonRow => {
    const limit = tightest(limits, b);
    const relative = a !== null && b ? a / b - 1 : null;
    const end = Math.max(a ?? 0, b ?? 0, limit ?? 0) / 0.92;
    return {
      id,
      what,
      candidate: write(a),
      production: write(b),
      change: relative === null ? "" : change(relative),
      loses: relative !== null && relative > 0.005,
      at:
        a !== null && b !== null && end > 0
          ? { candidate: a / end, production: b / end, limit: limit === null ? null : limit / end }
          : null,
      limit: limit === null ? "no limit" : `≤ ${write(limit)}`,
    };
  };
  const size = (key: "zstd19" | "sparse" | "packed", what: string) =>
    row(
      key,
      what,
      bytes,
      candidate.sizes?.[key] ?? null,
      production?.sizes?.[key] ?? null,
      sizeLimits(rules, key),
    );
  return [
    row("file", "File", bytes, candidate.bytes, production?.bytes ?? null, sizeLimits(rules, "file")),
    size("zstd19", "zstd-19"),
    size("sparse", "sparse-encoded"),
    size("packed", "packed"),
    row("macs", "MACs", compact, candidate.macs, production?.macs ?? null, sizeLimits(rules, "macs")),
    ...(evaluation?.latency ?? []).map((l) =>
      row(
        `latency-${l.batch}`,
        `Latency p50, batch ${l.batch}`,
        ms,
        l.p50Ms,
        l.baselineP50Ms,
        latencyLimits(rules, l.batch),
      ),
    ),
  ];
}
