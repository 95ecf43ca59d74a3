/** Ranks side by side over the steps, and which of them holds the others up: pure. */
import type { Bucket, Line } from "./metrics";

export interface HeatRow {
  rank: number;
  /** The mean of each cell, equally wide in steps; null where nothing was logged. */
  values: (number | null)[];
}

export interface SlowRank {
  rank: number;
  /** Means since it became slow, of it and of the median of the others: ms. */
  own: number;
  others: number;
  /** The first slow step, when it was logged (Unix ms), and the newest. */
  since: { step: number; ts: number };
  step: number;
  /** What the others waited for it since then. */
  secondsLost: number;
}

/** Slower than the median of the others by this factor, for so many cells up to now. */
const SLOW = 1.25;
const LASTING = 3;

const counting = (lines: readonly Line[]) => lines.filter((line) => !line.isEarlier);

/** Steps `from` to `to` in at most so many cells a rank. */
export function cellsOf(lines: readonly Line[], from: number, to: number, cells: number): HeatRow[] {
  const width = Math.max(1, (to - from + 1) / cells);
  const columns = Math.ceil((to - from + 1) / width);
  const rows = new Map<number, { sum: number; n: number }[]>();
  for (const { rank, buckets } of counting(lines)) {
    const row = rows.get(rank) ?? Array.from({ length: columns }, () => ({ sum: 0, n: 0 }));
    rows.set(rank, row);
    for (const { step, mean, n } of buckets) {
      const cell = row[Math.min(columns - 1, Math.floor((step - from) / width))];
      if (!cell || mean === null) continue;
      cell.sum += mean * n;
      cell.n += n;
    }
  }
  return [...rows]
    .sort(([a], [b]) => a - b)
    .map(([rank, row]) => ({ rank, values: row.map(({ sum, n }) => (n > 0 ? sum / n : null)) }));
}

/** The rank whose steps take longest, if it has been slower than the others for a while and still is. */
export function slowRank(lines: readonly Line[]): SlowRank | null {
  const byRank = new Map<number, Bucket[]>();
  for (const { rank, buckets } of counting(lines))
    byRank.set(
      rank,
      [...(byRank.get(rank) ?? []), ...buckets].sort((a, b) => a.step - b.step),
    );
  if (byRank.size < 2) return null;
  const found = [...byRank].flatMap(([rank, buckets]) => {
    const others = [...byRank].filter(([other]) => other !== rank).map(([, of]) => of);
    return slowSince(rank, buckets, others) ?? [];
  });
  return found.sort((a, b) => b.own / b.others - a.own / a.others)[0] ?? null;
}

function slowSince(rank: number, own: readonly Bucket[], others: readonly Bucket[][]): SlowRank | null {
  const byStep = others.map((of) => new Map(of.map(({ step, mean }) => [step, mean])));
  const pairs = own.flatMap((bucket) => {
    const beside = byStep.flatMap((of) => of.get(bucket.step) ?? []).sort((a, b) => a - b);
    const middle = beside[Math.floor((beside.length - 1) / 2)];
    return bucket.mean === null || middle === undefined ? [] : [{ bucket, own: bucket.mean, others: middle }];
  });
  const firstSlow = pairs.findLastIndex((pair) => pair.own < pair.others * SLOW) + 1;
  const slow = pairs.slice(firstSlow);
  const [first] = slow;
  const last = slow.at(-1);
  if (!first || !last || slow.length < LASTING) return null;
  const steps = slow.reduce((sum, { bucket }) => sum + bucket.n, 0);
  const mean = (of: "own" | "others") =>
    slow.reduce((sum, pair) => sum + pair[of] * pair.bucket.n, 0) / steps;
  return {
    rank,
    own: mean("own"),
    others: mean("others"),
    since: { step: first.bucket.step, ts: first.bucket.ts },
    step: last.bucket.step,
    secondsLost: ((mean("own") - mean("others")) * steps) / 1000,
  };
}
