/** What a bench says: figures with their spread and their n, never a verdict. */
import { cpus, totalmem } from "node:os";

export interface Figure {
  median: number;
  p95: number;
  n: number;
  unit: string;
  detail: Record<string, unknown>;
}
export type Figures = Record<string, Figure>;

/** The `q` quantile by the nearest rank. @throws when nothing was measured */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const found = sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(q * sorted.length) - 1))];
  if (found === undefined) throw new Error("nothing was measured");
  return found;
}

export const figure = (
  values: readonly number[],
  unit: string,
  detail: Record<string, unknown> = {},
): Figure => ({
  median: quantile(values, 0.5),
  p95: quantile(values, 0.95),
  n: values.length,
  unit,
  detail: { min: quantile(values, 0), max: quantile(values, 1), ...detail },
});

export const machine = () => ({
  cpu: cpus()[0]?.model ?? "unknown",
  cores: cpus().length,
  memoryGb: Math.round(totalmem() / 1e9),
  node: process.version,
  platform: `${process.platform} ${process.arch}`,
  at: new Date().toISOString(),
  loopMs: loop(),
});

/** What a hundred million additions take, ms. Hosts that are shared vary by a half: files compare where this is alike. */
function loop(): number {
  const began = performance.now();
  let sum = 0;
  for (let i = 0; i < 1e8; i += 1) sum = (sum + i) % 1_000_003;
  return performance.now() - began + sum * 0;
}

export function table(figures: Figures): string {
  const rows = Object.entries(figures).map(([name, f]) => [
    name,
    short(f.median),
    short(f.p95),
    f.unit,
    `n=${f.n}`,
  ]);
  const widths = [0, 1, 2, 3].map((i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, i) => (i === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[i] ?? 0)))
        .join("  "),
    )
    .join("\n");
}

const short = (value: number): string => (Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3));
