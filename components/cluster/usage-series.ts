/** Courses of what was used as lines of a chart. Pure. */
import type { LiveSeries } from "@/components/charts/live-data";
import type { Outputs } from "@/components/trpc/client";

type Course = Outputs["cluster"]["usage"]["courses"][number];

/** A line stops where points are further apart than this many steps: nothing was heard there. */
const GAP_STEPS = 1.5;

/** Means and peaks with a null in each gap. @param step seconds between two points */
export function withGaps(points: Course["points"], step: number) {
  const x: number[] = [];
  const mean: (number | null)[] = [];
  const peak: (number | null)[] = [];
  for (const point of points) {
    const last = x.at(-1);
    if (last !== undefined && point.at - last > GAP_STEPS * step * 1000) {
      x.push(last + step * 1000);
      mean.push(null);
      peak.push(null);
    }
    x.push(point.at);
    mean.push(point.mean);
    peak.push(point.peak);
  }
  return { x, mean, peak };
}

/** A line for each GPU; what a node has once as its mean and its peak, so that a spike stays. */
export function usageSeries(courses: readonly Course[], step: number): LiveSeries[] {
  return courses.flatMap((course): LiveSeries[] => {
    const { x, mean, peak } = withGaps(course.points, step);
    const color = `var(--series-${((course.gpu ?? 0) % 8) + 1})`;
    const key = `${course.metric}-${course.gpu ?? ""}`;
    if (course.gpu !== null) return [{ key, label: `GPU ${course.gpu}`, color, x, y: mean, hasBand: false }];
    return [
      { key, label: courses.length > 1 ? course.metric : "mean", color, x, y: mean, hasBand: false },
      { key: `${key}-peak`, label: "peak", color, x, y: peak, hasBand: false, stroke: "dotted" },
    ];
  });
}
