"use client";

import { type ReactNode, useId } from "react";
import { significant } from "@/components/ui/format";
import { ChartFrame } from "./chart-frame";
import { useCursor } from "./cursor";
import { CursorMark, LineMark } from "./marks";
import { Plot, type Scales } from "./plot";
import { type Domain, domainOf, nearestIndex, spread } from "./prepare";
import type { Point } from "./types";

export type RatioSeries = {
  key: string;
  label: string;
  points: readonly Point[];
  color?: string | undefined;
  /** Dashed: not known until bytes exist. */
  isPredicted?: boolean | undefined;
};

type SizeChartProps = {
  title: string;
  subtitle?: ReactNode;
  tools?: ReactNode;
  series: readonly RatioSeries[];
  xLabel: string;
  yLabel: string;
  xDomain?: Domain | undefined;
  height?: number | undefined;
  /** The setting under the hand. */
  current?: number | undefined;
  syncKey?: string | undefined;
};

/** Colours by place: file, packed, sparse, zstd, then further ones. */
const COLORS = [
  "var(--series-1)",
  "var(--series-2)",
  "var(--series-8)",
  "var(--series-6)",
  "var(--series-3)",
];

const colorOf = (series: RatioSeries, index: number) =>
  series.color ?? COLORS[index % COLORS.length] ?? "var(--series-1)";

/** Several quantities of one unit against a ratio: four sizes, latencies, MACs. Lines are named at their right end. */
export function SizeChart(props: SizeChartProps) {
  const { title, series, xLabel, yLabel, height = 188, current } = props;
  const id = useId();
  const [cursor, moveCursor] = useCursor(props.syncKey ?? id, id);
  const xs = [...new Set(series.flatMap(({ points }) => points.map(({ x }) => x)))].sort((a, b) => a - b);
  const xDomain = props.xDomain ?? domainOf(xs);
  const yDomain = domainOf(
    series.flatMap(({ points }) => points.map(({ y }) => y)),
    [0],
    4,
  );
  const active = cursor === null ? -1 : nearestIndex(xs, cursor);
  const valueAt = (item: RatioSeries, x: number | undefined) =>
    item.points.find((point) => point.x === x)?.y ?? null;

  return (
    <ChartFrame
      title={title}
      subtitle={props.subtitle}
      tools={props.tools}
      file="against-ratio"
      description={`${yLabel} against ${xLabel}: ${series.map(({ label }) => label).join(", ")}.`}
      table={{
        heads: [xLabel, ...series.map(({ label }) => `${label}, ${yLabel}`)],
        rows: xs.map((x) => [x, ...series.map((item) => valueAt(item, x))]),
      }}
      points={{
        count: xs.length,
        active,
        onActive: (index) => moveCursor(xs[index] ?? null),
        describe: (index) =>
          `${xLabel} ${xs[index]}: ${series.map((item) => `${item.label} ${significant(valueAt(item, xs[index]))}`).join(", ")}`,
      }}
    >
      <Plot
        x={{ domain: xDomain, label: xLabel }}
        y={{ domain: yDomain, label: yLabel }}
        height={height}
        rightMargin={72}
        onHover={moveCursor}
        overlay={(scales) =>
          active >= 0 && <Tip scales={scales} x={xs[active]} series={series} valueAt={valueAt} />
        }
      >
        {(scales) => (
          <>
            {series.map((item, index) => (
              <LineMark
                key={item.key}
                scales={scales}
                points={item.points}
                color={colorOf(item, index)}
                stroke={item.isPredicted ? "dashed" : "solid"}
              />
            ))}
            <EndLabels scales={scales} series={series} />
            <CursorMark scales={scales} x={cursor ?? current ?? null} />
          </>
        )}
      </Plot>
    </ChartFrame>
  );
}

const LINE = 14;

/** Names at the right end of the lines, pushed apart where lines end close together, and up from the axis. */
function EndLabels({ scales, series }: { scales: Scales; series: readonly RatioSeries[] }) {
  const ends = series
    .flatMap(({ key, label, points }) => {
      const last = points.findLast((point) => point.y !== null);
      return last && last.y !== null ? [{ key, label, x: scales.x(last.x), y: scales.y(last.y) }] : [];
    })
    .sort((a, b) => a.y - b.y);
  const places = spread(
    ends.map(({ y }) => y),
    LINE,
    scales.bottom - 4,
  );
  return ends.map((end, i) => (
    <text key={end.key} className="lab2 halo" x={end.x + 6} y={(places[i] ?? end.y) + 4}>
      {end.label}
    </text>
  ));
}

type TipProps = {
  scales: Scales;
  x: number | undefined;
  series: readonly RatioSeries[];
  valueAt: (item: RatioSeries, x: number | undefined) => number | null;
};

function Tip({ scales, x, series, valueAt }: TipProps) {
  if (x === undefined) return null;
  const at = scales.x(x);
  const isRight = at > (scales.left + scales.right) / 2;
  return (
    <div
      className="tip"
      style={{ top: scales.top, ...(isRight ? { right: `calc(100% - ${at - 10}px)` } : { left: at + 10 }) }}
    >
      <table>
        <tbody>
          {series.map((item) => (
            <tr key={item.key}>
              <td>{item.label}</td>
              <td className="num">{significant(valueAt(item, x))}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
