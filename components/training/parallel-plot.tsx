"use client";
import { type PointerEvent, useMemo, useState } from "react";
import { ChartFrame } from "@/components/charts/chart-frame";
import { type Domain, domainOf } from "@/components/charts/prepare";
import { useWidth } from "@/components/charts/use-size";
import { Button } from "@/components/ui/button";
import { cx } from "@/components/ui/cx";
import { EmptyState } from "@/components/ui/feedback";
import { plural, significant } from "@/components/ui/format";
import { Panel } from "@/components/ui/panel";
import { Select } from "@/components/ui/select";
import { type Axis, axesOf, lookOf, metricsOf, newestValue } from "./comparison";
import type { ComparedRun } from "./types";

const HEIGHT = 260;
const TOP = 40;
const BOTTOM = 24;
const SIDE = 72;
/** A drag shorter than this clears the axis, in px. */
const SHORTEST_DRAG = 4;

interface Props {
  runs: readonly ComparedRun[];
  hidden: ReadonlySet<number>;
}

/** Settings that differ against a metric: a line a run, an axis a setting; a drag along an axis keeps what is between. */
export function ParallelPlot({ runs, hidden }: Props) {
  const metrics = metricsOf(runs);
  const [chosen, choose] = useState<string | null>(null);
  const [brushes, setBrushes] = useState<ReadonlyMap<string, Domain>>(new Map());
  const metric = metrics.find(({ name }) => name === chosen)?.name ?? metrics[0]?.name;
  const axes = useMemo(() => {
    const settings = axesOf(runs);
    if (metric === undefined || settings.length === 0) return [];
    return [
      ...settings,
      { name: metric, values: runs.map((run) => newestValue(run, metric)), words: null } satisfies Axis,
    ];
  }, [runs, metric]);
  if (axes.length === 0)
    return (
      <Panel title="Settings against a metric">
        <EmptyState title="No setting differs">
          Settings with different values are drawn here against the newest value of a metric.
        </EmptyState>
      </Panel>
    );
  const isKept = (index: number) =>
    axes.every(({ name, values }) => {
      const brush = brushes.get(name);
      const value = values[index];
      return !brush || (value != null && value >= brush[0] && value <= brush[1]);
    });
  const kept = runs.filter((run, index) => !hidden.has(run.number) && isKept(index));
  return (
    <ChartFrame
      title="Settings against a metric"
      subtitle={
        brushes.size > 0
          ? `${plural(kept.length, "run")} of ${runs.length} between the marks: ${kept
              .slice(0, 8)
              .map((run) => run.number)
              .join(", ")}${kept.length > 8 ? " …" : ""}`
          : "drag along an axis to keep the runs between"
      }
      tools={
        <>
          {brushes.size > 0 && (
            <Button size="sm" onClick={() => setBrushes(new Map())}>
              Clear marks
            </Button>
          )}
          <Select
            label="Metric"
            value={metric ?? null}
            onValueChange={choose}
            options={metrics.map(({ name, runs: n }) => ({
              value: name,
              label: name,
              hint: `${n} of ${runs.length} runs`,
            }))}
          />
        </>
      }
      className="parallel-frame"
      file="settings-against-metric"
      description={`${runs.length} runs over ${axes.map(({ name }) => name).join(", ")}.`}
      table={{
        heads: ["Run", ...axes.map(({ name }) => name)],
        rows: runs.map((run, index) => [
          run.number,
          ...axes.map(({ values, words }) => {
            const value = values[index] ?? null;
            return words && value !== null ? (words[value] ?? null) : value;
          }),
        ]),
      }}
    >
      <Lines
        axes={axes}
        runs={runs}
        hidden={hidden}
        isKept={isKept}
        brushes={brushes}
        onBrush={(name, brush) =>
          setBrushes((before) => {
            const next = new Map(before);
            if (brush) next.set(name, brush);
            else next.delete(name);
            return next;
          })
        }
      />
    </ChartFrame>
  );
}

interface LinesProps extends Props {
  axes: readonly Axis[];
  isKept: (index: number) => boolean;
  brushes: ReadonlyMap<string, Domain>;
  onBrush: (name: string, brush: Domain | null) => void;
}

const domainOfAxis = ({ values, words }: Axis): Domain =>
  words ? [-0.5, words.length - 0.5] : domainOf(values.map((value) => value));

function Lines({ axes, runs, hidden, isKept, brushes, onBrush }: LinesProps) {
  const [ref, width] = useWidth();
  const gap = (width - 2 * SIDE) / Math.max(1, axes.length - 1);
  const places = axes.map((axis, index) => {
    const domain = domainOfAxis(axis);
    const y = (value: number) =>
      HEIGHT - BOTTOM - ((value - domain[0]) / (domain[1] - domain[0])) * (HEIGHT - TOP - BOTTOM);
    return { axis, domain, y, x: SIDE + index * gap };
  });
  return (
    <div ref={ref} className="parallel">
      {width > 0 && (
        <svg data-plot="" width={width} height={HEIGHT} aria-hidden="true">
          {runs.map((run, index) => {
            if (hidden.has(run.number)) return null;
            const points = places.flatMap(({ axis, x, y }) => {
              const value = axis.values[index];
              return value == null ? [] : [`${x.toFixed(1)} ${y(value).toFixed(1)}`];
            });
            return (
              <path
                key={run.number}
                className={cx(!isKept(index) && "out")}
                stroke={lookOf(index).color}
                d={`M${points.join("L")}`}
              >
                <title>
                  run {run.number}, {run.title}
                </title>
              </path>
            );
          })}
          {places.map((place) => (
            <AxisMarks
              key={place.axis.name}
              {...place}
              brush={brushes.get(place.axis.name)}
              onBrush={(brush) => onBrush(place.axis.name, brush)}
            />
          ))}
        </svg>
      )}
    </div>
  );
}

interface AxisProps {
  axis: Axis;
  domain: Domain;
  x: number;
  y: (value: number) => number;
  brush: Domain | undefined;
  onBrush: (brush: Domain | null) => void;
}

/** One axis with its name, its ends or words, and the part of it that is marked. */
function AxisMarks({ axis, domain, x, y, brush, onBrush }: AxisProps) {
  const [start, setStart] = useState<number | null>(null);
  const placeOf = (event: PointerEvent<SVGGElement>) => {
    const top = event.currentTarget.ownerSVGElement?.getBoundingClientRect().top ?? 0;
    return Math.min(HEIGHT - BOTTOM, Math.max(TOP, event.clientY - top));
  };
  const valueFrom = (px: number) =>
    domain[0] + ((HEIGHT - BOTTOM - px) / (HEIGHT - TOP - BOTTOM)) * (domain[1] - domain[0]);
  const drag = (event: PointerEvent<SVGGElement>) => {
    if (start === null) return;
    const [low, high] = [placeOf(event), start].sort((a, b) => b - a);
    const isDrag = low !== undefined && high !== undefined && low - high >= SHORTEST_DRAG;
    onBrush(isDrag ? [valueFrom(low), valueFrom(high)] : null);
  };
  const ends = axis.words
    ? axis.words.map((word, index) => ({ value: index, text: word }))
    : domain.map((value) => ({ value, text: significant(value) }));
  return (
    <g
      className="axis"
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        setStart(placeOf(event));
      }}
      onPointerMove={drag}
      onPointerUp={(event) => {
        drag(event);
        setStart(null);
      }}
    >
      <rect x={x - 12} y={TOP} width={24} height={HEIGHT - TOP - BOTTOM} fill="transparent" />
      <line x1={x} x2={x} y1={TOP} y2={HEIGHT - BOTTOM} />
      {brush && (
        <rect className="brush" x={x - 6} y={y(brush[1])} width={12} height={y(brush[0]) - y(brush[1])} />
      )}
      <text x={x} y={16} textAnchor="middle">
        {short(axis.name)}
        <title>{axis.name}</title>
      </text>
      {ends.map(({ value, text }) => (
        <text
          key={value}
          x={axis.words ? x + 8 : x}
          y={axis.words ? y(value) + 4 : value === domain[0] ? HEIGHT - 8 : TOP - 8}
          textAnchor={axis.words ? "start" : "middle"}
        >
          {short(text)}
        </text>
      ))}
    </g>
  );
}

const short = (text: string): string => (text.length > 18 ? `${text.slice(0, 17)}…` : text);
