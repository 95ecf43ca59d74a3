"use client";

import { type ReactNode, useId } from "react";
import { money } from "@/components/ui/format";
import { ChartFrame } from "./chart-frame";
import { useCursor } from "./cursor";
import { CursorMark, LevelMark, LineMark } from "./marks";
import { Plot, type Scales } from "./plot";
import { type Domain, domainOf, nearestIndex } from "./prepare";

type At = { x: number; y: number };
type Band = readonly { x: number; low: number; high: number }[];

type SpendChartProps = {
  title: string;
  subtitle?: ReactNode;
  tools?: ReactNode;
  /** Added up, $, by Unix ms. */
  spent: readonly At[];
  /** From where that ends; dashed, with its range. */
  forecast: { line: readonly At[]; band: Band | null } | null;
  budget: number | null;
  range: Domain;
  file: string;
  height?: number | undefined;
};

const DAY_MS = 86_400_000;
const dayOf = (at: number) =>
  new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", day: "numeric", month: "short" }).format(at);

/** What a month has cost by and by against its budget, and where it leads. */
export function SpendChart(props: SpendChartProps) {
  const { title, spent, forecast, budget, range, height = 260 } = props;
  const id = useId();
  const [cursor, moveCursor] = useCursor(id, id);
  const points = [...spent, ...(forecast?.line.slice(1) ?? [])];
  const active =
    cursor === null
      ? -1
      : nearestIndex(
          points.map(({ x }) => x),
          cursor,
        );
  const values = [...points.map(({ y }) => y), ...(forecast?.band?.map(({ high }) => high) ?? [])];
  const yDomain = domainOf(values, budget === null ? [0] : [0, budget]);
  const isAhead = (index: number) => index >= spent.length;
  const end = forecast?.band?.at(-1);
  const last = spent.at(-1);
  return (
    <ChartFrame
      title={title}
      subtitle={props.subtitle}
      tools={props.tools}
      file={props.file}
      legend={[
        { label: "spent", color: "var(--series-1)", mark: "solid" },
        ...(forecast ? [{ label: "forecast", color: "var(--series-1)", mark: "dashed" as const }] : []),
        ...(forecast?.band
          ? [{ label: "8 months of 10", color: "var(--series-1)", mark: "band" as const }]
          : []),
        ...(budget === null ? [] : [{ label: "budget", color: "var(--text-2)", mark: "dotted" as const }]),
      ]}
      description={`Dollars spent since the month began${forecast ? `, and a forecast of ${money(forecast.line.at(-1)?.y)} at its end` : ""}${budget === null ? "" : `, against a budget of ${money(budget)}`}.`}
      table={{
        heads: ["Until, UTC", "Spent, $", "Forecast, $", "Lowest, $", "Highest, $"],
        rows: points.map(({ x, y }, index) =>
          isAhead(index)
            ? [new Date(x).toISOString(), null, y, end?.low ?? null, end?.high ?? null]
            : [new Date(x).toISOString(), y, null, null, null],
        ),
      }}
      points={{
        count: points.length,
        active,
        onActive: (index) => moveCursor(points[index]?.x ?? null),
        describe: (index) =>
          `${dayOf(points[index]?.x ?? 0)}: ${money(points[index]?.y)} ${isAhead(index) ? "forecast" : "spent"}`,
      }}
    >
      <Plot
        x={{ domain: range, label: "UTC", ticks: weekTicks(range), format: dayOf }}
        y={{ domain: yDomain, label: "$" }}
        height={height}
        rightMargin={forecast || last ? 110 : 14}
        onHover={moveCursor}
        overlay={(scales) =>
          active >= 0 && <Tip scales={scales} point={points[active]} isAhead={isAhead(active)} />
        }
      >
        {(scales) => (
          <>
            {forecast?.band && (
              <path d={bandPath(scales, forecast.band)} fill="var(--series-1)" opacity="0.14" />
            )}
            {budget !== null && (
              <LevelMark
                scales={scales}
                value={budget}
                label={`budget ${money(budget)}`}
                color="var(--text-2)"
                stroke="dotted"
                isAtEnd
              />
            )}
            <LineMark scales={scales} points={spent} color="var(--series-1)" />
            {forecast && (
              <LineMark scales={scales} points={forecast.line} color="var(--series-1)" stroke="dashed" />
            )}
            {last && <circle cx={scales.x(last.x)} cy={scales.y(last.y)} r="3.5" fill="var(--series-1)" />}
            <CursorMark scales={scales} x={cursor} />
          </>
        )}
      </Plot>
    </ChartFrame>
  );
}

/** The 1st and each seventh day after it. */
function weekTicks([from, until]: Domain): number[] {
  const days = Math.round((until - from) / DAY_MS);
  return Array.from({ length: Math.ceil(days / 7) }, (_, i) => from + i * 7 * DAY_MS);
}

function bandPath(scales: Scales, band: Band): string {
  const at = (x: number, y: number) => `${scales.x(x).toFixed(1)} ${scales.y(y).toFixed(1)}`;
  const there = band.map(({ x, high }) => at(x, high));
  const back = band.toReversed().map(({ x, low }) => at(x, low));
  return `M${[...there, ...back].join("L")}Z`;
}

function Tip({ scales, point, isAhead }: { scales: Scales; point: At | undefined; isAhead: boolean }) {
  if (!point) return null;
  const at = scales.x(point.x);
  const isRight = at > (scales.left + scales.right) / 2;
  const place = isRight ? { right: `calc(100% - ${at - 10}px)` } : { left: at + 10 };
  return (
    <div className="tip" style={{ top: scales.top, ...place }}>
      {dayOf(point.x)}: {money(point.y)} {isAhead && "forecast"}
    </div>
  );
}
