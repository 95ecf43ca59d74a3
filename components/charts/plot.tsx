"use client";

import { memo, type PointerEvent, type ReactNode, useMemo } from "react";
import { CartesianGrid, ComposedChart, XAxis, YAxis } from "recharts";
import { type Domain, ticks } from "./prepare";
import { tickFormat } from "./tick-format";
import { useWidth } from "./use-size";

/** From data to px; linear, as the axes that Recharts draws with the same domain and margins. */
export type Scales = {
  x: (value: number) => number;
  y: (value: number) => number;
  /** From px back to the x axis. */
  invert: (px: number) => number;
  left: number;
  right: number;
  top: number;
  bottom: number;
};

export type AxisSpec = {
  domain: Domain;
  /** With its unit: "Accuracy, %". */
  label: string;
  ticks?: readonly number[] | undefined;
  format?: ((value: number) => string) | undefined;
};

type PlotProps = {
  x: AxisSpec;
  y: AxisSpec;
  height: number;
  /** Room for labels at the right end of lines. */
  rightMargin?: number | undefined;
  /** Room below the x axis, for lanes of events. */
  bottomMargin?: number | undefined;
  onHover?: ((x: number | null) => void) | undefined;
  /** What is drawn on the ground. */
  children?: (scales: Scales) => ReactNode;
  overlay?: ((scales: Scales) => ReactNode) | undefined;
};

const TOP = 26;
const LEFT = 44;
const BOTTOM = 40;

function scalesOf(x: Domain, y: Domain, width: number, height: number, right: number, below: number): Scales {
  const edges = { left: LEFT, right: Math.max(LEFT + 1, width - right), top: TOP, bottom: height - below };
  return {
    ...edges,
    x: (value) => edges.left + ((value - x[0]) / (x[1] - x[0])) * (edges.right - edges.left),
    y: (value) => edges.bottom - ((value - y[0]) / (y[1] - y[0])) * (edges.bottom - edges.top),
    invert: (px) => x[0] + ((px - edges.left) / (edges.right - edges.left)) * (x[1] - x[0]),
  };
}

/** Hairline grid, axes with five ticks, unit in the titles, no rotated text; marks over them, in the same scales. */
export function Plot(props: PlotProps) {
  const { x, y, height, rightMargin = 14, bottomMargin = BOTTOM, onHover, children, overlay } = props;
  const [ref, width] = useWidth();
  const xTicks = useMemo(
    () => x.ticks ?? ticks(x.domain, width < 320 ? 4 : width < 560 ? 6 : 10),
    [x.ticks, x.domain, width],
  );
  const yTicks = useMemo(() => y.ticks ?? ticks(y.domain, height < 220 ? 5 : 8), [y.ticks, y.domain, height]);
  const scales = scalesOf(x.domain, y.domain, width, height, rightMargin, bottomMargin);

  const onPointerMove = (event: PointerEvent<HTMLDivElement>) => {
    const px = event.clientX - event.currentTarget.getBoundingClientRect().left;
    const inside = px >= scales.left - 4 && px <= scales.right + 4;
    onHover?.(inside ? Math.min(x.domain[1], Math.max(x.domain[0], scales.invert(px))) : null);
  };

  return (
    <div
      ref={ref}
      className="plot-area"
      style={{ height }}
      onPointerMove={onHover && onPointerMove}
      onPointerLeave={onHover && (() => onHover(null))}
    >
      {width > 0 && (
        <>
          <Ground
            x={{ ...x, ticks: xTicks }}
            y={{ ...y, ticks: yTicks }}
            {...{ width, height, rightMargin, bottomMargin }}
          />
          <svg className="marks" data-plot="" width={width} height={height} aria-hidden="true">
            {children?.(scales)}
          </svg>
          {overlay?.(scales)}
        </>
      )}
    </div>
  );
}

type Ticked = AxisSpec & { ticks: readonly number[] };

type GroundProps = {
  x: Ticked;
  y: Ticked;
  width: number;
  height: number;
  rightMargin: number;
  bottomMargin: number;
};

/**
 * The grid and axes, by Recharts. Drawn again only when one of them changes: marks change with every step of a dial,
 * and Recharts takes far longer than they do.
 */
const Ground = memo(function Ground({ x, y, width, height, rightMargin, bottomMargin }: GroundProps) {
  return (
    <ComposedChart
      width={width}
      height={height}
      margin={{ top: TOP, right: rightMargin, bottom: bottomMargin - BOTTOM, left: 0 }}
      accessibilityLayer={false}
      data={[{ x: x.domain[0] }, { x: x.domain[1] }]}
    >
      <CartesianGrid vertical={false} stroke="var(--grid)" syncWithTicks shapeRendering="crispEdges" />
      <XAxis
        dataKey="x"
        type="number"
        domain={[...x.domain]}
        ticks={[...x.ticks]}
        interval={0}
        height={BOTTOM}
        allowDataOverflow
        tickSize={4}
        tickMargin={6}
        tickFormatter={x.format ?? tickFormat(x.ticks)}
        axisLine={{ stroke: "var(--line-strong)", shapeRendering: "crispEdges" }}
        tickLine={{ stroke: "var(--line-strong)", shapeRendering: "crispEdges" }}
      />
      <YAxis
        type="number"
        domain={[...y.domain]}
        ticks={[...y.ticks]}
        interval={0}
        width={LEFT}
        allowDataOverflow
        tickLine={false}
        axisLine={false}
        tickMargin={6}
        tickFormatter={y.format ?? tickFormat(y.ticks)}
      />
      <text className="lab2" x={8} y={14}>
        {y.label}
      </text>
      <text className="lab2" x={width - rightMargin} y={height - bottomMargin + 34} textAnchor="end">
        {x.label}
      </text>
    </ComposedChart>
  );
}, isSameGround);

function isSameGround(a: GroundProps, b: GroundProps): boolean {
  return (
    a.width === b.width &&
    a.height === b.height &&
    a.rightMargin === b.rightMargin &&
    a.bottomMargin === b.bottomMargin &&
    isSameAxis(a.x, b.x) &&
    isSameAxis(a.y, b.y)
  );
}

const isSameAxis = (a: Ticked, b: Ticked): boolean =>
  a.label === b.label &&
  a.format === b.format &&
  isSameList(a.domain, b.domain) &&
  isSameList(a.ticks, b.ticks);

const isSameList = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((value, i) => value === b[i]);
