"use client";

import { type ReactNode, useId, useMemo } from "react";
import { count, decimal, plusMinus } from "@/components/ui/format";
import { ChartFrame } from "./chart-frame";
import { useCursor } from "./cursor";
import { CursorMark, LevelMark, LineMark, OffScaleMark, PointMark } from "./marks";
import { Plot, type Scales } from "./plot";
import { type Domain, domainOf, nearestIndex } from "./prepare";
import type { LegendItem, MeasuredPoint, Point } from "./types";

type Level = { label: string; value: number };

type AccuracyChartProps = {
  title: string;
  subtitle?: ReactNode;
  tools?: ReactNode;
  /** `x` in percent, ascending; `y` in percent unless `write` says otherwise. */
  measured: readonly MeasuredPoint[];
  predicted: readonly Point[];
  baseline?: Level | undefined;
  target?: Level | undefined;
  /** The setting under the hand and what is predicted there. */
  current?: { x: number; y: number; label: string } | undefined;
  xLabel: string;
  yLabel?: string | undefined;
  /** A value of y, and half of an interval, as text; by default percents. */
  write?: ((y: number, digits: number) => string) | undefined;
  writeHalf?: ((half: number) => string) | undefined;
  xDomain?: Domain | undefined;
  /** Lower end of the y axis; points below it become chevrons. By default everything measured is in sight. */
  yFrom?: number | undefined;
  /** No value lies above it. */
  yMost?: number | undefined;
  /** The y axis spans at least this much, so that noise does not look like a slope. */
  ySpan?: number | undefined;
  height?: number | undefined;
  syncKey?: string | undefined;
  /** A press on a measured point, or Enter: restore its setting. */
  onPoint?: ((point: MeasuredPoint) => void) | undefined;
};

const CANDIDATE = "var(--c-candidate)";

/** Accuracy against a ratio: measured points solid with 95% whiskers, the predicted curve dashed. */
export function AccuracyChart(props: AccuracyChartProps) {
  const {
    title,
    measured,
    predicted,
    baseline,
    target,
    current,
    xLabel,
    yLabel = "Accuracy, %",
    yMost = 100,
    ySpan = 0,
    height = 260,
    write = (y: number, digits: number) => `${decimal(y, digits)}%`,
    writeHalf = (half: number) => plusMinus(half),
  } = props;
  const said = ({ y, half }: MeasuredPoint) =>
    `${write(y, 1)}${half === undefined ? "" : ` ${writeHalf(half)}`}`;
  const id = useId();
  const [cursor, moveCursor] = useCursor(props.syncKey ?? id, id);
  const xs = useMemo(() => measured.map((point) => point.x), [measured]);
  const active = cursor === null ? -1 : activePoint(xs, cursor);

  const xDomain = props.xDomain ?? domainOf([...xs, ...predicted.map((point) => point.x)], [0]);
  const levels = [baseline?.value, target?.value].filter((value) => value !== undefined);
  const lowest = props.yFrom ?? Number.NEGATIVE_INFINITY;
  const reach = measured
    .filter((point) => point.y >= lowest)
    .flatMap(({ y, half = 0 }) => [Math.max(lowest, y - half), y + half]);
  const inSight = props.yFrom === undefined ? levels : [...levels, props.yFrom];
  const highest = Math.max(...reach, ...inSight);
  const [from, to] = domainOf(reach, [...inSight, highest - ySpan], 8);
  const yDomain: Domain = [from, Math.min(to, yMost)];
  // What lies on an end of the axis may miss it by a rounding.
  const slack = (yDomain[1] - yDomain[0]) * 1e-6;
  const isBelow = (y: number) => y < yDomain[0] - slack;

  const legend: LegendItem[] = [
    ...(baseline
      ? [{ label: `${baseline.label} baseline`, color: "var(--c-baseline)", mark: "solid" as const }]
      : []),
    { label: "measured, 95% paired", color: CANDIDATE, mark: "dot" },
    { label: "predicted", color: CANDIDATE, mark: "dashed" },
  ];

  return (
    <ChartFrame
      title={title}
      subtitle={props.subtitle}
      tools={props.tools}
      legend={legend}
      file="accuracy"
      description={`${yLabel} against ${xLabel}: ${measured.length} measured settings.`}
      table={{
        heads: [xLabel, yLabel, "± 95%", "n", "Setting"],
        rows: measured.map(({ x, y, half, n, label }) => [x, y, half ?? null, n ?? null, label ?? null]),
      }}
      points={{
        count: measured.length,
        active,
        onActive: (index) => moveCursor(measured[index]?.x ?? null),
        onSelect: (index) => {
          const point = measured[index];
          if (point) props.onPoint?.(point);
        },
        describe: (index) => inWords(measured[index], xLabel, said),
      }}
    >
      <Plot
        x={{ domain: xDomain, label: xLabel }}
        y={{ domain: yDomain, label: yLabel }}
        height={height}
        onHover={moveCursor}
        overlay={(scales) => <Tip scales={scales} point={measured[active]} said={said} />}
      >
        {(scales) => (
          <>
            {baseline && (
              <LevelMark
                scales={scales}
                value={baseline.value}
                label=""
                color="var(--c-baseline)"
                stroke="solid"
              />
            )}
            {target && (
              <LevelMark
                scales={scales}
                value={target.value}
                label={`${target.label}: ${decimal(target.value, 2)}`}
                color="var(--text-2)"
                stroke="dotted"
              />
            )}
            <clipPath id={`${id}-plot`}>
              <rect
                x={scales.left}
                y={scales.top - 2}
                width={scales.right - scales.left}
                height={scales.bottom - scales.top + 2}
              />
            </clipPath>
            <g clipPath={`url(#${id}-plot)`}>
              <LineMark scales={scales} points={predicted} color={CANDIDATE} stroke="dashed" />
            </g>
            <CursorMark scales={scales} x={cursor ?? current?.x ?? null} />
            {measured.map((point, index) => (
              // biome-ignore lint/a11y/noStaticElementInteractions: the same by keyboard: arrows and Enter on the chart
              <g
                key={point.id}
                className={props.onPoint && "can-press"}
                onClick={() => props.onPoint?.(point)}
              >
                {isBelow(point.y) || point.y > yDomain[1] + slack ? (
                  <OffScaleMark
                    scales={scales}
                    x={point.x}
                    isBelow={isBelow(point.y)}
                    text={`${decimal(point.x, 0)}%: ${said(point)}`}
                    color={CANDIDATE}
                  />
                ) : (
                  <PointMark scales={scales} point={point} color={CANDIDATE} isActive={index === active} />
                )}
              </g>
            ))}
            {current && current.y >= yDomain[0] && <CurrentMark scales={scales} {...current} />}
          </>
        )}
      </Plot>
    </ChartFrame>
  );
}

/** The point the cursor stands on: the closest, if it is closer than 2% of the axis. */
function activePoint(xs: readonly number[], cursor: number): number {
  const index = nearestIndex(xs, cursor);
  const span = (xs.at(-1) ?? 0) - (xs[0] ?? 0) || 1;
  return index >= 0 && Math.abs((xs[index] ?? 0) - cursor) <= span * 0.02 ? index : -1;
}

type Said = (point: MeasuredPoint) => string;

function inWords(point: MeasuredPoint | undefined, xLabel: string, said: Said): string {
  if (!point) return "";
  const n = point.n === undefined ? "" : `, n = ${count(point.n)}`;
  return `${point.label ?? `${xLabel} ${decimal(point.x, 0)}`}: ${said(point)}${n}`;
}

function CurrentMark({ scales, x, y, label }: { scales: Scales; x: number; y: number; label: string }) {
  const at = scales.x(x);
  const isRight = at > scales.right - 140;
  return (
    <g>
      <circle
        cx={at}
        cy={scales.y(y)}
        r="7"
        fill="var(--surface-1)"
        stroke={CANDIDATE}
        strokeWidth="1.5"
        strokeDasharray="3 2"
      />
      <text
        className="lab1 halo"
        x={isRight ? at - 12 : at + 12}
        y={scales.y(y) - 4}
        textAnchor={isRight ? "end" : "start"}
      >
        {label}
      </text>
    </g>
  );
}

function Tip({ scales, point, said }: { scales: Scales; point: MeasuredPoint | undefined; said: Said }) {
  if (!point) return null;
  const at = scales.x(point.x);
  const isRight = at > (scales.left + scales.right) / 2;
  return (
    <div
      className="tip"
      style={{
        top: scales.bottom - 60,
        ...(isRight ? { right: `calc(100% - ${at - 10}px)` } : { left: at + 10 }),
      }}
    >
      <div className="m">
        {decimal(point.x, 0)}%: {said(point)}
      </div>
      <div className="t3">
        {point.n !== undefined && `n = ${count(point.n)}`}
        {point.n !== undefined && point.label && ", "}
        {point.label}
      </div>
    </div>
  );
}
