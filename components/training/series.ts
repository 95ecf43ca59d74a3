/** From the server's buckets to lines of a chart: pure. */
import type { LiveSeries } from "@/components/charts/live-data";

export interface ChartSpec {
  name: string;
  title: string;
  yLabel: string;
  byRank: boolean;
  includeY?: readonly number[];
  /** Multiplies values: 100 turns fractions into percent. */
  scale?: number;
  /** What brings a point; a step unless it says otherwise. */
  comesWith?: string;
}

/** The series of a training run, in the order an engineer reads them. */
export const TRAINING_CHARTS: readonly ChartSpec[] = [
  { name: "train/loss", title: "Loss", yLabel: "Loss", byRank: false, includeY: [0] },
  {
    name: "eval/accuracy",
    title: "Accuracy",
    yLabel: "Accuracy, %",
    byRank: false,
    scale: 100,
    comesWith: "measurement",
  },
  { name: "train/step_time", title: "Step time", yLabel: "Step time, ms", byRank: true, includeY: [0] },
  { name: "train/lr", title: "Learning rate", yLabel: "Learning rate", byRank: false, includeY: [0] },
  {
    name: "train/throughput",
    title: "Throughput",
    yLabel: "Throughput, samples/s",
    byRank: false,
    includeY: [0],
  },
  {
    name: "train/grad_norm",
    title: "Gradient norm",
    yLabel: "Gradient norm",
    byRank: false,
    includeY: [0],
  },
];

const WIDTH = 460;

/** What a chart asks for at first: a page that comes with the answer asks for the very same. */
export const metricQuery = (team: string, run: number, { name, byRank }: ChartSpec) => ({
  ...{ team, run, name, byRank },
  width: WIDTH,
});

export interface BucketSeries {
  attempt: number;
  rank: number;
  /** Beyond the checkpoint that a later attempt went on from. */
  isEarlier: boolean;
  buckets: readonly {
    step: number;
    /** When its last point was logged, Unix ms. */
    ts: number;
    n: number;
    min: number | null;
    max: number | null;
    mean: number | null;
  }[];
}

const COLORS = 8;

/**
 * What counts as one line a rank, in colour with its band; what an attempt did beyond the checkpoint that the next one
 * went on from, in grey.
 */
export function seriesOf(all: readonly BucketSeries[], chart: ChartSpec): LiveSeries[] {
  const scaled = (value: number | null) => (value === null ? null : value * (chart.scale ?? 1));
  return [...joined(all), ...all.filter((series) => series.isEarlier)].map((series) => ({
    key: `${series.isEarlier ? series.attempt : "kept"}-${series.rank}`,
    label: label(series, chart),
    color: chart.byRank ? `var(--series-${(series.rank % COLORS) + 1})` : "var(--accent)",
    x: series.buckets.map((b) => b.step),
    y: series.buckets.map((b) => scaled(b.mean)),
    min: series.buckets.map((b) => scaled(b.min)),
    max: series.buckets.map((b) => scaled(b.max)),
    isEarlier: series.isEarlier,
  }));
}

/** The steps that count, of all attempts, as one series a rank. */
function joined(all: readonly BucketSeries[]): BucketSeries[] {
  const byRank = new Map<number, BucketSeries>();
  for (const series of all) {
    if (series.isEarlier) continue;
    const before = byRank.get(series.rank);
    const buckets = [...(before?.buckets ?? []), ...series.buckets].sort((a, b) => a.step - b.step);
    byRank.set(series.rank, { ...series, buckets });
  }
  return [...byRank.values()];
}

/** When the bucket nearest to a step was logged, Unix ms; null without any. */
export function momentOf(all: readonly BucketSeries[], step: number): number | null {
  const buckets = all.filter((series) => !series.isEarlier).flatMap((series) => series.buckets);
  const far = (b: { step: number }) => Math.abs(b.step - step);
  return (
    buckets.reduce<(typeof buckets)[number] | null>((a, b) => (a && far(a) <= far(b) ? a : b), null)?.ts ??
    null
  );
}

/** A mean, the values behind it and the newest step of them. */
export interface Newest {
  mean: number;
  n: number;
  step: number;
}

/** Over all that counts; null where nothing does. */
export function newestOf(all: readonly BucketSeries[]): Newest | null {
  const buckets = all.filter((series) => !series.isEarlier).flatMap((series) => series.buckets);
  const known = buckets.flatMap((b) => (b.mean === null ? [] : [{ ...b, mean: b.mean }]));
  const n = known.reduce((sum, b) => sum + b.n, 0);
  if (n === 0) return null;
  return {
    mean: known.reduce((sum, b) => sum + b.mean * b.n, 0) / n,
    n,
    step: Math.max(...known.map((b) => b.step)),
  };
}

const label = (series: BucketSeries, chart: ChartSpec): string => {
  const name = chart.byRank ? `rank ${series.rank}` : chart.title.toLowerCase();
  return series.isEarlier ? `${name}, attempt ${series.attempt}` : name;
};
