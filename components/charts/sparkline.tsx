import { domainOf, runs } from "./prepare";
import type { Value } from "./types";

type SparklineProps = {
  /** What it shows and how it ended, for screen readers: "loss, 0.24 at step 5,122". */
  label: string;
  /** Equally spaced; null is a gap. */
  values: readonly Value[];
  color?: string | undefined;
  width?: number | undefined;
  height?: number | undefined;
};

/** The course of a value in a row of a table. */
export function Sparkline({
  label,
  values,
  color = "var(--c-candidate)",
  width = 80,
  height = 20,
}: SparklineProps) {
  const [min, max] = domainOf(values);
  const pad = 2;
  const x = (index: number) => pad + (index / Math.max(1, values.length - 1)) * (width - 2 * pad);
  const y = (value: number) => height - pad - ((value - min) / (max - min)) * (height - 2 * pad);
  const parts = runs(values.map((value, index) => ({ x: index, y: value })));
  const last = parts.at(-1)?.at(-1);
  return (
    <svg role="img" aria-label={label} width={width} height={height}>
      {parts.map((run) => (
        <path
          key={run[0]?.x}
          className="ln"
          stroke={color}
          d={run
            .map((point, index) => `${index ? "L" : "M"}${x(point.x).toFixed(1)} ${y(point.y).toFixed(1)}`)
            .join("")}
        />
      ))}
      {last && <circle cx={x(last.x)} cy={y(last.y)} r="2" fill={color} />}
    </svg>
  );
}
