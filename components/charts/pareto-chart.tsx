"use client";

import { type ReactNode, useId } from "react";
import { significant } from "@/components/ui/format";
import { ChartFrame } from "./chart-frame";
import { useCursor } from "./cursor";
import { LineMark } from "./marks";
import { Plot, type Scales } from "./plot";
import { domainOf } from "./prepare";

export type ParetoPoint = { id: string; x: number; y: number; isOnFront: boolean; label: string };

type ParetoChartProps = {
  title: string;
  subtitle?: ReactNode;
  tools?: ReactNode;
  /** Everything measured; in any order. */
  points: readonly ParetoPoint[];
  /** What stands in for the chart while nothing is measured. */
  empty: ReactNode;
  /** The prediction for the setting under the hand. */
  current?: { x: number; y: number; label: string } | undefined;
  xLabel: string;
  yLabel: string;
  /** The y axis spans at least this much, so that noise does not look like a slope. */
  ySpan?: number | undefined;
  height?: number | undefined;
  onPoint?: ((id: string) => void) | undefined;
};

/** Everything measured in a session: what is on the front is filled and joined, what is behind is hollow. */
export function ParetoChart(props: ParetoChartProps) {
  const { title, points, current, xLabel, yLabel, ySpan = 0, height = 188, onPoint } = props;
  const id = useId();
  const [cursor, moveCursor] = useCursor(id, id);
  const sorted = [...points].sort((a, b) => a.x - b.x || a.y - b.y);
  const front = sorted.filter(({ isOnFront }) => isOnFront);
  const active = cursor === null ? -1 : sorted.findIndex((point) => point.x === cursor);
  const xDomain = domainOf(
    sorted.map(({ x }) => x),
    current ? [current.x] : [],
  );
  const ys = [...sorted, ...(current ? [current] : [])].map(({ y }) => y);
  const middle = (Math.min(...ys) + Math.max(...ys)) / 2;
  const yDomain = domainOf(ys, ys.length > 0 ? [middle - ySpan / 2, middle + ySpan / 2] : []);
  const activePoint = sorted[active];
  const named = activePoint ?? current;

  return (
    <ChartFrame
      title={title}
      subtitle={props.subtitle}
      tools={props.tools}
      file="front"
      description={`${yLabel} against ${xLabel}: ${points.length} settings, ${front.length} on the front.`}
      table={{
        heads: ["Setting", xLabel, yLabel, "Front"],
        rows: sorted.map(({ label, x, y, isOnFront }) => [label, x, y, isOnFront ? "on front" : "behind"]),
      }}
      points={{
        count: sorted.length,
        active,
        onActive: (index) => moveCursor(sorted[index]?.x ?? null),
        onSelect: (index) => {
          const point = sorted[index];
          if (point) onPoint?.(point.id);
        },
        describe: (index) => {
          const point = sorted[index];
          return point
            ? `${point.label}: ${xLabel} ${significant(point.x)}, ${yLabel} ${significant(point.y)}`
            : "";
        },
      }}
    >
      {named === undefined && sorted.length === 0 ? (
        <p className="chart-empty t2" style={{ height }}>
          {props.empty}
        </p>
      ) : (
        <Plot x={{ domain: xDomain, label: xLabel }} y={{ domain: yDomain, label: yLabel }} height={height}>
          {(scales) => (
            <>
              <LineMark scales={scales} points={front} color="var(--c-candidate)" />
              {sorted.map((point) => (
                // biome-ignore lint/a11y/noStaticElementInteractions: the same by keyboard: arrows and Enter on the chart
                <circle
                  key={point.id}
                  cx={scales.x(point.x)}
                  cy={scales.y(point.y)}
                  r={point === activePoint ? 6 : 4}
                  fill={point.isOnFront ? "var(--c-candidate)" : "var(--surface-1)"}
                  stroke={point.isOnFront ? "var(--surface-1)" : "var(--text-3)"}
                  strokeWidth="1.5"
                  className={onPoint && "can-press"}
                  onPointerEnter={() => moveCursor(point.x)}
                  onPointerLeave={() => moveCursor(null)}
                  onClick={() => onPoint?.(point.id)}
                />
              ))}
              {current && (
                <circle
                  cx={scales.x(current.x)}
                  cy={scales.y(current.y)}
                  r="5"
                  fill="var(--surface-1)"
                  stroke="var(--c-candidate)"
                  strokeWidth="1.5"
                  strokeDasharray="3 2"
                />
              )}
              {named && <PointName point={named} scales={scales} />}
            </>
          )}
        </Plot>
      )}
    </ChartFrame>
  );
}

/** Beside its point, on the side where there is more room. */
function PointName({ point, scales }: { point: { x: number; y: number; label: string }; scales: Scales }) {
  const x = scales.x(point.x);
  const isLeft = x - scales.left < scales.right - x;
  return (
    <text
      className="lab1 halo"
      x={isLeft ? x + 9 : x - 9}
      y={scales.y(point.y) + 14}
      textAnchor={isLeft ? "start" : "end"}
    >
      {point.label}
    </text>
  );
}
