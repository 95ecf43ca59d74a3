"use client";

import { type ReactNode, useId } from "react";
import { clockTime, decimal } from "@/components/ui/format";
import { ChartFrame } from "./chart-frame";
import { useCursor } from "./cursor";
import { CursorMark, LineMark } from "./marks";
import { Plot, type Scales } from "./plot";
import { type Domain, domainOf, nearestIndex, spread, timeTicks } from "./prepare";
import type { Point } from "./types";
import { waitingAreas } from "./waiting";

/** A value that holds from `x` (Unix ms) until the next one; null where nothing is known. */
export type StepPoint = Point;

export type ScalingEvent = {
  id: string;
  /** Unix ms of the decision, and of its effect where it is known. */
  at: number;
  until?: number | undefined;
  direction: "up" | "down";
  /** "+1 spot-3". */
  label: string;
  isDone: boolean;
};

type CapacityChartProps = {
  title?: string | undefined;
  subtitle?: ReactNode;
  tools?: ReactNode;
  capacity: readonly StepPoint[];
  demand: readonly StepPoint[];
  events?: readonly ScalingEvent[] | undefined;
  /** Unix ms; what lies after it is predicted. */
  now: number;
  range: Domain;
  /** "CPUs". */
  unit: string;
  height?: number | undefined;
  syncKey?: string | undefined;
};

const LANE = 72;
const LINE = 16;
const hourAndMinute = (at: number): string => clockTime(at).slice(0, 5);

/** Capacity against demand in steps, what had to wait filled between them, and the decisions on the same time axis. */
export function CapacityChart(props: CapacityChartProps) {
  const {
    title = "Capacity and demand",
    capacity,
    demand,
    events = [],
    now,
    range,
    unit,
    height = 250,
  } = props;
  const id = useId();
  const [cursor, moveCursor] = useCursor(props.syncKey ?? id, id);
  const changes = [...new Set([...capacity, ...demand].map(({ x }) => x))].sort((a, b) => a - b);
  const active = cursor === null ? -1 : nearestIndex(changes, cursor);
  const yDomain = domainOf(
    [...capacity, ...demand].map(({ y }) => y),
    // Where there is nothing yet the axis still begins at 0.
    [0, 1],
    8,
  );
  const lane = events.length > 0 ? LANE : 0;
  const at = (points: readonly StepPoint[], x: number) => points.findLast((point) => point.x <= x)?.y ?? null;
  const words = (value: number | null) => (value === null ? "not known" : amount(value));

  return (
    <ChartFrame
      title={title}
      subtitle={props.subtitle}
      tools={props.tools}
      legend={[
        { label: "capacity", color: "var(--series-1)", mark: "solid" },
        { label: "demand", color: "var(--series-6)", mark: "solid" },
        { label: "waiting", color: "var(--heat-4)", mark: "band" },
        { label: "predicted", color: "var(--series-1)", mark: "dashed" },
      ]}
      file="capacity"
      description={`${unit} over time: capacity, demand and ${events.length} scaling decisions.`}
      table={{
        heads: ["Time, UTC", `Capacity, ${unit}`, `Demand, ${unit}`],
        rows: changes.map((x) => [new Date(x).toISOString(), at(capacity, x), at(demand, x)]),
      }}
      points={{
        count: changes.length,
        active,
        onActive: (index) => moveCursor(changes[index] ?? null),
        describe: (index) => {
          const x = changes[index] ?? 0;
          return `${clockTime(x)}: capacity ${words(at(capacity, x))}, demand ${words(at(demand, x))} ${unit}`;
        },
      }}
    >
      <Plot
        x={{
          domain: range,
          label: "UTC",
          ticks: timeTicks(range),
          format: hourAndMinute,
        }}
        y={{ domain: yDomain, label: unit }}
        // As high without decisions, so that the page does not jump when the first comes.
        height={height + LANE}
        bottomMargin={40 + lane}
        rightMargin={96}
        onHover={moveCursor}
      >
        {(scales) => (
          <>
            {now < range[1] && (
              <rect
                x={scales.x(now)}
                y={scales.top}
                width={scales.right - scales.x(now)}
                height={scales.bottom - scales.top}
                fill="var(--surface-2)"
              />
            )}
            {waitingAreas(capacity, demand, range).map((area) => (
              <rect
                key={area.from}
                x={scales.x(area.from)}
                y={scales.y(area.high)}
                width={scales.x(area.to) - scales.x(area.from)}
                height={scales.y(area.low) - scales.y(area.high)}
                fill="var(--heat-4)"
                opacity="0.45"
              />
            ))}
            <Steps scales={scales} points={demand} now={now} range={range} color="var(--series-6)" />
            <Steps scales={scales} points={capacity} now={now} range={range} color="var(--series-1)" />
            <EndLabels scales={scales} capacity={at(capacity, range[1])} demand={at(demand, range[1])} />
            {lane > 0 && <EventLane scales={scales} events={events} range={range} y={scales.bottom + 54} />}
            <CursorMark scales={scales} x={cursor} />
          </>
        )}
      </Plot>
    </ChartFrame>
  );
}

/** Solid until now, dashed after it; the last known value holds until the end of the axis. */
function Steps(props: {
  scales: Scales;
  points: readonly StepPoint[];
  now: number;
  range: Domain;
  color: string;
}) {
  const { scales, points, now, range, color } = props;
  const hold = (list: readonly StepPoint[], from: number, to: number): StepPoint[] => {
    const before = list.findLast((point) => point.x <= from);
    const inside = list.filter((point) => point.x > from && point.x < to);
    const known = before ? [{ x: from, y: before.y }, ...inside] : inside;
    const last = known.at(-1);
    return last ? [...known, { x: to, y: last.y }] : [];
  };
  const until = Math.min(now, range[1]);
  return (
    <>
      <LineMark scales={scales} points={hold(points, range[0], until)} color={color} isStep />
      {now < range[1] && (
        <LineMark scales={scales} points={hold(points, now, range[1])} color={color} stroke="dashed" isStep />
      )}
    </>
  );
}

function EndLabels({
  scales,
  capacity,
  demand,
}: {
  scales: Scales;
  capacity: number | null;
  demand: number | null;
}) {
  const ends = [
    { name: "capacity", value: capacity, color: "var(--series-1)" },
    { name: "demand", value: demand, color: "var(--series-6)" },
  ].flatMap((end) => (end.value === null ? [] : [{ ...end, value: end.value }]));
  ends.sort((a, b) => b.value - a.value);
  const places = spread(
    ends.map(({ value }) => scales.y(value)),
    LINE,
  );
  return ends.map(({ name, value, color }, i) => (
    <text key={name} x={scales.right + 6} y={(places[i] ?? 0) + 4} style={{ fill: color }}>
      {name} {amount(value)}
    </text>
  ));
}

/** A replica takes a tenth of a CPU. */
const amount = (value: number) => decimal(value, Number.isInteger(value) ? 0 : 1);

/** ▲ more, ▼ less, hollow while unfinished; each joined to the curve by a dotted line. */
function EventLane({
  scales,
  events,
  range,
  y,
}: {
  scales: Scales;
  events: readonly ScalingEvent[];
  range: Domain;
  y: number;
}) {
  let labelFree = Number.NEGATIVE_INFINITY;
  return (
    <g>
      <path className="grid-l" d={`M${scales.left} ${y}H${scales.right}`} />
      {events
        .filter((event) => event.at >= range[0] && event.at <= range[1])
        .map((event) => {
          const x = scales.x(event.at);
          const end = event.until === undefined ? x : scales.x(Math.min(event.until, range[1]));
          const tip = event.direction === "up" ? -6 : 6;
          const isLabelled = x >= labelFree;
          if (isLabelled) labelFree = x + event.label.length * 6 + 8;
          return (
            <g key={event.id}>
              <title>{`${clockTime(event.at)} UTC: ${event.label}`}</title>
              <path className="thr" d={`M${x} ${scales.top}V${y}`} />
              <rect
                x={x}
                y={y - 3}
                width={Math.max(0, end - x)}
                height="6"
                fill="var(--surface-3)"
                stroke="var(--line-strong)"
                strokeWidth="0.5"
              />
              <path
                d={`M${x - 5} ${y - tip * 0.7}H${x + 5}L${x} ${y + tip}Z`}
                fill={event.isDone ? "var(--text-1)" : "var(--surface-1)"}
                stroke="var(--text-1)"
              />
              {isLabelled && (
                <text className="lab2" x={x} y={y + 22} textAnchor="middle">
                  {event.label}
                </text>
              )}
            </g>
          );
        })}
    </g>
  );
}
