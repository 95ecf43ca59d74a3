"use client";

import { type ReactNode, useEffect, useEffectEvent, useId, useMemo, useRef, useState } from "react";
import uPlot from "uplot";
import { axisNumber, count, significant } from "@/components/ui/format";
import { useTheme } from "@/components/ui/theme";
import { ChartFrame } from "./chart-frame";
import { cursorOf, moveCursor, onCursor, useCursor } from "./cursor";
import { extentOf, type LiveSeries, liveTable, placesOf, valueAt } from "./live-data";
import { liveOptions } from "./live-options";
import { type Domain, nearestIndex } from "./prepare";
import type { LegendItem } from "./types";
import { useWidth } from "./use-size";

type LiveChartProps = {
  title: string;
  subtitle?: ReactNode;
  tools?: ReactNode;
  series: readonly LiveSeries[];
  /** Of the y axis, with its unit: "Step time, ms". */
  yLabel: string;
  xLabel: string;
  /** For the cursor and the table; axis ticks are written shorter unless `formatTick` says how. */
  formatX?: ((value: number) => string) | undefined;
  formatTick?: ((value: number) => string) | undefined;
  /** The x axis is in Unix ms: its ticks are round times. */
  isTime?: boolean | undefined;
  formatY?: ((value: number) => string) | undefined;
  /** Limits, drawn dotted and named in the legend. */
  levels?: readonly { value: number; label: string }[] | undefined;
  /** Values that the y axis must show, such as 0. */
  includeY?: readonly number[] | undefined;
  /** The whole x axis, such as all planned steps; what lies after the data is drawn as future. */
  xDomain?: Domain | undefined;
  /** The zoom, kept in the address by the page; null shows everything. Drag zooms, a double press resets. */
  range?: Domain | null | undefined;
  onRangeChange?: ((range: Domain | null) => void) | undefined;
  syncKey?: string | undefined;
  /** Pressing a place, or Enter on a point, leads to what belongs to that x. */
  onPick?: ((x: number) => void) | undefined;
  /** Shown while there is no point yet: what it waits for. */
  empty?: ReactNode;
  height?: number | undefined;
  /** The page names the lines for all its charts at once. */
  isLegendApart?: boolean | undefined;
  isInner?: boolean | undefined;
};

/** Live series with min to max bands on canvas; smooth with 100,000 points. */
export function LiveChart(props: LiveChartProps) {
  const {
    title,
    series,
    yLabel,
    xLabel,
    formatX = count,
    formatY = significant,
    levels = [],
    height = 170,
  } = props;
  const id = useId();
  const key = props.syncKey ?? id;
  const [cursor, setCursor] = useCursor(key, id);
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const shown = useMemo(() => series.filter((item) => !hidden.has(item.key)), [series, hidden]);
  const xs = shown.find((item) => !item.isEarlier)?.x ?? [];
  const isEmpty = series.every((item) => item.x.length === 0);
  const toggle = (name: string) =>
    setHidden(
      (before) =>
        new Set(before.has(name) ? [...before].filter((other) => other !== name) : [...before, name]),
    );

  // The cursor draws the chart anew with each move; the table need not be.
  const table = useMemo(
    () => ({
      heads: ["Series", xLabel, yLabel, "min", "max"],
      rows: shown.flatMap((item) =>
        item.x.map((x, index) => [
          item.label,
          formatX(x),
          item.y[index] ?? null,
          item.min?.[index] ?? null,
          item.max?.[index] ?? null,
        ]),
      ),
    }),
    [shown, xLabel, yLabel, formatX],
  );

  const legend: LegendItem[] = series.map((item) => ({
    label: item.label,
    color: item.isEarlier ? "var(--c-baseline)" : item.color,
    mark: item.stroke ?? "solid",
    isHidden: hidden.has(item.key),
    onToggle: series.length > 1 ? () => toggle(item.key) : undefined,
  }));
  const banded = series.find(
    (item) => !item.isEarlier && item.hasBand !== false && (item.min !== undefined || item.x.length > 200),
  );
  if (banded) legend.push({ label: "min to max", color: banded.color, mark: "band" });
  for (const level of levels) legend.push({ label: level.label, color: "var(--text-2)", mark: "dotted" });

  const readout = cursor !== null && !isEmpty && (
    <Readout x={cursor} series={shown} formatX={formatX} formatY={formatY} />
  );

  return (
    <ChartFrame
      title={title}
      heading={props.isInner ? yLabel : undefined}
      subtitle={props.subtitle}
      tools={props.tools}
      legend={legend.length > 1 && !props.isLegendApart ? legend : []}
      file={title.toLowerCase().replace(/[^a-z0-9]+/g, "-")}
      description={`${yLabel} over ${xLabel}: ${series.map((item) => item.label).join(", ")}.`}
      table={table}
      points={{
        count: xs.length,
        active: cursor === null ? -1 : nearestIndex(xs, cursor),
        onActive: (index) => setCursor(xs[index] ?? null),
        onSelect: (index) => {
          const x = xs[index];
          if (x !== undefined) props.onPick?.(x);
        },
        describe: (index) => {
          const x = xs[index] ?? 0;
          return `${xLabel} ${formatX(x)}: ${shown.map((item) => `${item.label} ${written(valueAt(item, x), formatY)}`).join(", ")}`;
        },
      }}
      isInner={props.isInner}
    >
      <div className="live" style={{ height }}>
        {!props.isInner && <span className="axis-title y">{yLabel}</span>}
        {isEmpty ? (
          <p className="live-empty t2">{props.empty ?? "No point yet."}</p>
        ) : (
          <LivePlot {...props} series={shown} levels={levels} height={height} cursorKey={key} source={id} />
        )}
        <span className="axis-title x">{xLabel}</span>
        {readout}
      </div>
    </ChartFrame>
  );
}

type Formats = { formatX: (value: number) => string; formatY: (value: number) => string };

const written = (value: number | null, format: (value: number) => string) =>
  value === null ? "none" : format(value);

/** More values than these do not fit on a line: the least and the greatest stand for all. */
const READ_AT_MOST = 8;

function readAt(x: number, series: readonly LiveSeries[]): readonly LiveSeries[] {
  if (series.length <= READ_AT_MOST) return series;
  const known = series.flatMap((item) => {
    const value = valueAt(item, x);
    return value === null ? [] : [{ item, value }];
  });
  const ordered = known.sort((a, b) => a.value - b.value);
  return [...new Set([ordered[0]?.item, ordered.at(-1)?.item])].filter((item) => item !== undefined);
}

/** What the cursor stands on, on the line of the y title, where it covers nothing. */
function Readout({ x, series, formatX, formatY }: Formats & { x: number; series: readonly LiveSeries[] }) {
  const read = readAt(x, series);
  return (
    <span className="readout">
      <span className="t3">{formatX(x)}</span>
      {read.map((item) => (
        <span key={item.key} style={{ color: item.isEarlier ? "var(--text-3)" : undefined }}>
          {series.length > 1 && <span className="t3">{item.label} </span>}
          {written(valueAt(item, x), formatY)}
        </span>
      ))}
    </span>
  );
}

type LivePlotProps = LiveChartProps & {
  cursorKey: string;
  source: string;
  height: number;
  levels: readonly { value: number }[];
};

/** The canvas. It is made anew when its looks change, and only fed when its data does. */
function LivePlot(props: LivePlotProps) {
  const { series, range, cursorKey, source, height, levels, includeY, xDomain } = props;
  const theme = useTheme();
  const [ref, width] = useWidth();
  const plot = useRef<uPlot>(null);
  // Less the line of the y title, which an inner chart has in its head.
  const canvasHeight = height - (props.isInner ? 6 : 20);
  const [from, to] = range ?? xDomain ?? extentOf(series);
  const table = useMemo(() => liveTable(series, [from, to], width), [series, from, to, width]);
  const looks = JSON.stringify([
    series.map(({ key, color, stroke, isEarlier }) => [key, color, stroke, isEarlier]),
    levels,
    includeY,
  ]);

  const lastX = Math.max(...series.map((item) => item.x.at(-1) ?? Number.NEGATIVE_INFINITY));

  const view = useRef<{ extent: Domain; lastX: number }>({ extent: [from, to], lastX });
  const zoom = useEffectEvent((next: Domain | null) => props.onRangeChange?.(next));
  const pick = useEffectEvent((x: number) => props.onPick?.(x));
  const make = useEffectEvent(
    (target: HTMLElement) =>
      new uPlot(
        liveOptions({
          places: placesOf(series),
          size: { width: target.clientWidth, height: canvasHeight },
          levels,
          includeY: includeY ?? [],
          formatTick: props.formatTick ?? axisNumber,
          isTime: props.isTime ?? false,
          view: () => view.current,
          canZoom: props.onRangeChange !== undefined,
          onPick: pick,
          onCursor: (x) => moveCursor(cursorKey, x === null ? null : { x, source }),
          onZoom: zoom,
        }),
        table,
        target,
      ),
  );

  // biome-ignore lint/correctness/useExhaustiveDependencies: a new theme or new looks need new colours on the canvas
  useEffect(() => {
    const target = ref.current;
    if (!target) return;
    const made = make(target);
    plot.current = made;
    const follow = onCursor(cursorKey, () => {
      const cursor = cursorOf(cursorKey);
      if (cursor?.source === source && made.cursor.event) return;
      made.setCursor({ left: cursor ? made.valToPos(cursor.x, "x") : -10, top: cursor ? 0 : -10 }, false);
    });
    return () => {
      follow();
      made.destroy();
      plot.current = null;
    };
  }, [theme, looks, cursorKey, source]);

  useEffect(() => {
    view.current = { extent: [from, to], lastX };
    plot.current?.setData(table);
  }, [table, from, to, lastX]);
  useEffect(() => {
    if (width > 0) plot.current?.setSize({ width, height: canvasHeight });
  }, [width, canvasHeight]);

  return <div ref={ref} className="live-plot" />;
}
