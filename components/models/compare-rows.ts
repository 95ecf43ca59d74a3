/** What a comparison shows: rows in groups, differing ones first, the best value of a row marked. */
import type { ChartTable } from "@/components/charts/types";
import type { Outputs } from "@/components/trpc/client";
import { besideInWords, type FigureWords, figureOf } from "@/components/ui/figure";
import { bytes, compact, count, datetime, ms, percent, shortDigest } from "@/components/ui/format";
import { TASKS } from "@/server/datasets/contract";
import { recipeDetail, recipeTitle } from "./lineage";

export type Comparison = Outputs["models"]["compare"];
type Version = Comparison["versions"][number];

export interface Cell {
  /** Null where it is not known. */
  text: string | null;
  /** What the best is found by, and what the CSV holds. */
  value?: number | null;
  /** On hover, and the reason where nothing is known. */
  detail?: string | undefined;
}
export interface CompareRow {
  key: string;
  label: string;
  cells: Cell[];
  /** Indexes of the cells that share the best value; empty where none is better. */
  best: number[];
  isSame: boolean;
}
export interface CompareGroup {
  title: string;
  differing: CompareRow[];
  equal: CompareRow[];
}

type Better = "more" | "less" | null;

function row(key: string, label: string, better: Better, cells: Cell[]): CompareRow {
  const identity = (cell: Cell) => cell.value ?? cell.text;
  const isSame = cells.every((cell) => identity(cell) === identity(cells[0] ?? { text: null }));
  const known = cells.flatMap(({ value }) => (typeof value === "number" ? [value] : []));
  const top = better === "more" ? Math.max(...known) : Math.min(...known);
  const best =
    better && !isSame && known.length > 1
      ? cells.flatMap(({ value }, index) => (value === top ? [index] : []))
      : [];
  return { key, label, cells, best, isSame };
}

/** Null where there is nothing to show of any version. */
const unlessEmpty = (found: CompareRow): CompareRow | null =>
  found.cells.some((cell) => cell.text !== null || cell.detail) ? found : null;

/** Of the dataset that all are compared on. */
const taskOf = ({ versions }: Comparison) =>
  versions.flatMap(({ evaluation }) => evaluation?.task ?? [])[0] ?? "classification";

export function compareGroups(comparison: Comparison): CompareGroup[] {
  const task = taskOf(comparison);
  const figure = figureOf(task);
  const { versions } = comparison;
  const of = (
    key: string,
    label: string,
    better: Better,
    cell: (version: Version) => Cell,
  ): CompareRow | null => unlessEmpty(row(key, label, better, versions.map(cell)));
  const number = (value: number | null | undefined, text: (value: number) => string): Cell =>
    value == null ? { text: null } : { text: text(value), value };
  const groups: [string, (CompareRow | null)[]][] = [
    [
      comparison.dataset ? `${figure.name} on ${comparison.dataset.name}` : figure.name,
      accuracy(comparison, figure, of),
    ],
    [
      "Size and cost",
      [
        ...(["file", "zstd19", "sparse", "packed"] as const).map((size) =>
          of(
            `size-${size}`,
            { file: "File", zstd19: "zstd-19", sparse: "Sparse", packed: "Packed" }[size],
            "less",
            (v) => number(v.sizes?.[size], bytes),
          ),
        ),
        of("parameters", "Parameters", "less", (v) => number(v.inspection?.parameters, count)),
        of("macs", "MACs a sample", "less", (v) => number(v.inspection?.macs, compact)),
        ...[1, 64].map((batch) =>
          of(`latency-${batch}`, `p50, batch ${batch}`, "less", (v) => {
            const found = v.evaluation?.latency.find((latency) => latency.batch === batch);
            if (!found) return { text: null };
            const ratio = found.ratio === null ? "" : `, ${found.ratio.toFixed(2)} of its own baseline`;
            return { text: ms(found.p50Ms), value: found.p50Ms, detail: `${found.rounds} rounds${ratio}` };
          }),
        ),
        ...[1, 64].map((batch) =>
          of(`memory-${batch}`, `Peak memory, batch ${batch}`, "less", (v) =>
            number(v.evaluation?.memory.find((memory) => memory.batch === batch)?.peakBytes, bytes),
          ),
        ),
      ],
    ],
    [
      "Recipe and provenance",
      [
        of("state", "State", null, (v) => ({ text: v.state })),
        of("serving", "Production", null, (v) => ({ text: v.isServing ? "serving" : "no" })),
        of("tier", "Tier", null, (v) => number(v.tier, String)),
        of("parent", "Parent", null, (v) => ({
          text: v.parentNumber === null ? null : `v${v.parentNumber}`,
        })),
        of("recipe", "Recipe", null, (v) => ({
          text: v.parentNumber === null ? v.origin : recipeTitle(v.madeBy),
          detail: recipeDetail(v.madeBy) || undefined,
        })),
        of("settings", "Settings", null, (v) => ({ text: recipeDetail(v.madeBy) || null })),
        of("digest", "Digest", null, (v) => ({ text: shortDigest(v.digest), detail: v.digest })),
        of("by", "By", null, (v) => ({ text: v.createdByName })),
        of("when", "When", null, (v) => ({ text: datetime(Number(v.createdAt)) })),
        of("run", "Run", null, (v) => ({ text: v.runNumber === null ? null : String(v.runNumber) })),
        of("seed", "Seed", null, (v) => number(v.provenance?.seed, String)),
        of("opset", "Opset", null, (v) => number(v.inspection?.opset, String)),
        of("parity", "Parity", null, (v) => number(v.inspection?.parity, (value) => value.toExponential(1))),
        of("note", "Note", null, (v) => ({ text: v.note || null })),
      ],
    ],
    [`${figure.name} by ${TASKS[task].part ?? "class"}`, classes(comparison, of)],
    [`${figure.name} by slice`, slices(comparison, figure, of)],
    ["Layers: output channels and zeros", layers(versions, of)],
  ];
  return groups.flatMap(([title, found]) => {
    const rows = found.filter((entry) => entry !== null);
    const equal = rows.filter((entry) => entry.isSame);
    return rows.length === 0 ? [] : [{ title, differing: rows.filter((entry) => !entry.isSame), equal }];
  });
}

type Of = (key: string, label: string, better: Better, cell: (version: Version) => Cell) => CompareRow | null;

function accuracy({ baseline }: Comparison, figure: FigureWords, of: Of): (CompareRow | null)[] {
  const unknown = (v: Version): Cell => ({ text: null, detail: v.pair?.reason ?? undefined });
  const isBase = (v: Version) => v.number === baseline;
  return [
    of("accuracy", `${figure.name}, 95% interval`, "more", ({ evaluation }) =>
      evaluation
        ? {
            text: `${figure.value(evaluation.accuracy)} ${figure.half(evaluation.halfWidth)}`,
            value: evaluation.accuracy,
          }
        : { text: null, detail: "not measured on this dataset" },
    ),
    of("beside", "Beside it", null, ({ evaluation }) => ({
      text: evaluation?.figures.map((beside) => besideInWords(beside, "its baseline")).join(", ") || null,
    })),
    of("n", "n", null, ({ evaluation }) =>
      evaluation ? { text: count(evaluation.n), value: evaluation.n } : { text: null },
    ),
    of("paired", `Paired difference to v${baseline}`, null, (v) => {
      const paired = v.pair?.paired;
      if (isBase(v)) return { text: "baseline" };
      if (!paired) return unknown(v);
      return {
        text: `${figure.difference(paired.difference)} ${figure.half(paired.halfWidth)}`,
        value: paired.difference,
        detail: v.pair?.from === "measured" ? "as measured when it was made" : "from both versions’ answers",
      };
    }),
    of("changed", "Gained / lost", null, (v) => {
      const paired = v.pair?.paired;
      return isBase(v)
        ? { text: "baseline" }
        : paired
          ? { text: `${count(paired.gained)} / ${count(paired.lost)}` }
          : unknown(v);
    }),
    of("mcnemar", "McNemar p", null, (v) => {
      const p = v.pair?.paired?.mcnemarP;
      return isBase(v) ? { text: "baseline" } : p == null ? unknown(v) : { text: p.toPrecision(2), value: p };
    }),
    of("agreement", `Same answer as v${baseline}`, null, (v) => {
      const alike = v.pair?.agreement;
      if (isBase(v)) return { text: "baseline" };
      if (!alike || alike.n === 0) return unknown(v);
      return {
        text: percent(alike.same / alike.n, 2),
        value: alike.same / alike.n,
        detail: `${count(alike.same)} of ${count(alike.n)} samples`,
      };
    }),
  ];
}

function classes({ versions, dataset }: Comparison, of: Of): (CompareRow | null)[] {
  const labels = [...new Set(versions.flatMap((v) => v.evaluation?.perClass.map((c) => c.label) ?? []))];
  return labels
    .sort((a, b) => a - b)
    .map((label) =>
      of(`class-${label}`, dataset?.labels[label] ?? `class ${label}`, "more", (v) => {
        const found = v.evaluation?.perClass.find((c) => c.label === label);
        if (!found || found.n === 0) return { text: null };
        return {
          text: percent(found.correct / found.n),
          value: found.correct / found.n,
          detail: `${found.correct} of ${found.n}`,
        };
      }),
    );
}

/** Slices that the dataset names, the one that any version answers worst first. */
function slices({ versions }: Comparison, figure: FigureWords, of: Of): (CompareRow | null)[] {
  const worst = new Map<string, number>();
  for (const { name, accuracy } of versions.flatMap((v) => v.evaluation?.perSlice ?? []))
    worst.set(name, Math.min(accuracy, worst.get(name) ?? accuracy));
  return [...worst]
    .sort(([, a], [, b]) => a - b)
    .map(([name]) =>
      of(`slice-${name}`, name, "more", (v) => {
        const found = v.evaluation?.perSlice.find((slice) => slice.name === name);
        if (!found) return { text: null };
        return {
          text: `${figure.value(found.accuracy)} ${figure.half(found.halfWidth)}`,
          value: found.accuracy,
          detail: `n = ${count(found.n)}`,
        };
      }),
    );
}

/** Output channels lie first in Conv and Gemm weights; a MatMul keeps them last. */
const channels = ({ op, shape }: { op: string; shape: readonly number[] }): number =>
  (op === "MatMul" ? shape.at(-1) : op === "ConvTranspose" ? shape[1] : shape[0]) ?? 0;

function layers(versions: readonly Version[], of: Of): (CompareRow | null)[] {
  const names = [...new Set(versions.flatMap((v) => v.inspection?.layers.map((l) => l.name) ?? []))];
  return names.map((name) =>
    of(`layer-${name}`, name, null, (v) => {
      const found = v.inspection?.layers.find((layer) => layer.name === name);
      if (!found)
        return {
          text: null,
          detail: v.inspection ? "folded into another layer, or not there" : "not inspected",
        };
      const zeros = found.zeros === null ? "" : `, ${percent(found.zeros)} zeros`;
      return { text: `${count(channels(found))}${zeros}`, detail: `${found.op} ${found.shape.join("×")}` };
    }),
  );
}

/** The whole comparison as a table for download: numbers plain where there are any. */
export function toTable(comparison: Comparison): ChartTable {
  return {
    heads: ["group", "row", ...comparison.versions.map((v) => `v${v.number}`)],
    rows: compareGroups(comparison).flatMap(({ title, differing, equal }) =>
      [...differing, ...equal].map((entry) => [
        title,
        entry.label,
        ...entry.cells.map((cell) => cell.value ?? cell.text),
      ]),
    ),
  };
}
