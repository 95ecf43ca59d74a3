"use client";

import { type ReactNode, useState } from "react";
import { count, decimal, plusMinus, signed } from "@/components/ui/format";
import { ChartFrame } from "./chart-frame";
import { domainOf, tickDigits, ticks } from "./prepare";
import { useWidth } from "./use-size";

export type ForestRow = {
  id: string;
  label: string;
  n: number;
  /** Candidate minus production, in the plot's unit, and half its 95% interval. */
  difference: number;
  half: number;
  /** Rows after a change of group are parted by a rule. */
  group?: string | undefined;
  /** The row a decision rests on first, such as all classes. */
  isMain?: boolean | undefined;
};

type ForestPlotProps = {
  title: string;
  subtitle?: ReactNode;
  rows: readonly ForestRow[];
  /** What zero stands for: "v7". */
  reference: string;
  /** The gate: everything below it is a field of its own. */
  limit?: { value: number; label: string } | undefined;
  /** "pt", or nothing for a figure that is no share: it has two digits more. */
  unit?: string | undefined;
  xLabel?: string | undefined;
  rowLabel?: string | undefined;
};

const ROW = 26;
const GROUP_GAP = 10;
const TOP = 24;
const BOTTOM = 40;
const LABELS = 168;
const VALUES = 112;
/** Of one digit more, in a difference and in its half. */
const DIGIT = 8;
/** About as wide as a letter of the labels. */
const LETTER = 6.4;
const HEAD_LINE = 16;
const LOSES = "loses: the interval excludes 0";
const widthOf = (text: string): number => text.length * LETTER;

/** One difference with its interval a row. A row whose whole interval lies below zero is marked and says that it loses. */
export function ForestPlot(props: ForestPlotProps) {
  const { title, rows, reference, limit, unit = "pt", rowLabel = "Class or slice" } = props;
  const { xLabel = "Difference, points" } = props;
  const digits = unit ? 2 : 4;
  const digitsMore = digits - 2;
  const [active, setActive] = useState(-1);
  const [ref, width] = useWidth();
  const domain = domainOf(
    rows.flatMap(({ difference, half }) => [difference - half, difference + half]),
    limit ? [0, limit.value] : [0],
  );
  const [left, right] = [LABELS, Math.max(LABELS + 1, width - VALUES - 2 * DIGIT * digitsMore)];
  const scale = (value: number) => left + ((value - domain[0]) / (domain[1] - domain[0])) * (right - left);
  const marks = ticks(domain, 6);
  // What zero and the gate are called stands above each other where they are too near for one line.
  const isTight =
    limit !== undefined &&
    Math.abs(scale(0) - scale(limit.value)) < (widthOf(reference) + widthOf(limit.label)) / 2 + LETTER;
  const top = isTight ? TOP + HEAD_LINE : TOP;
  const tops = rowTops(rows, top);
  const bottom = (tops.at(-1) ?? top) + ROW;
  const text = (row: ForestRow) =>
    `${row.label}: ${signed(row.difference, digits)}${unit && " points"} ${plusMinus(row.half, digits)}, n = ${count(row.n)}${loses(row) ? ", loses: the interval excludes 0" : ""}`;

  return (
    <ChartFrame
      title={title}
      subtitle={props.subtitle}
      file="differences"
      description={`${xLabel} against ${reference}, ${rows.length} rows with 95% intervals.`}
      table={{
        heads: [rowLabel, "n", xLabel, "± 95%"],
        rows: rows.map((row) => [row.label, row.n, row.difference, row.half]),
      }}
      points={{
        count: rows.length,
        active,
        onActive: setActive,
        describe: (index) => {
          const row = rows[index];
          return row ? text(row) : "";
        },
      }}
    >
      <div ref={ref}>
        {width > 0 && (
          <svg data-plot="" width={width} height={bottom + BOTTOM} aria-hidden="true">
            {limit && (
              <rect
                x={left}
                y={top}
                width={scale(limit.value) - left}
                height={bottom - top}
                fill="var(--surface-2)"
              />
            )}
            {marks.map((value) => (
              <g key={value}>
                <path className="grid-l" d={`M${scale(value)} ${top}V${bottom}`} />
                <text x={scale(value)} y={bottom + 17} textAnchor="middle">
                  {signed(value, tickDigits(marks))}
                </text>
              </g>
            ))}
            <path className="axis-l" d={`M${left} ${bottom}H${right}`} />
            <path d={`M${scale(0)} ${top}V${bottom}`} stroke="var(--c-production)" strokeWidth="1.5" />
            {limit && <path className="thr" d={`M${scale(limit.value)} ${top}V${bottom}`} />}
            <Heads
              {...{ rowLabel, reference, limit, unit, scale, width }}
              limitY={isTight ? 14 + HEAD_LINE : 14}
            />
            {rows.map((row, index) => (
              <Row
                key={row.id}
                row={row}
                top={tops[index] ?? top}
                isParted={index > 0 && rows[index - 1]?.group !== row.group}
                isActive={index === active}
                digitsMore={digitsMore}
                scale={scale}
                right={right}
                width={width}
              />
            ))}
            <text className="lab2" x={right} y={bottom + 34} textAnchor="end">
              {xLabel}
            </text>
          </svg>
        )}
      </div>
    </ChartFrame>
  );
}

const loses = (row: ForestRow) => row.difference + row.half < 0;

function rowTops(rows: readonly ForestRow[], first: number): number[] {
  let next = first;
  return rows.map((row, index) => {
    if (index > 0 && rows[index - 1]?.group !== row.group) next += GROUP_GAP;
    const top = next;
    next += ROW;
    return top;
  });
}

type HeadsProps = Pick<ForestPlotProps, "reference" | "limit"> & {
  unit: string;
  rowLabel: string;
  scale: (value: number) => number;
  limitY: number;
  width: number;
};

function Heads({ rowLabel, reference, limit, unit, scale, limitY, width }: HeadsProps) {
  return (
    <>
      <text x={12} y={14}>
        {rowLabel}
      </text>
      <text x={LABELS - 12} y={14} textAnchor="end">
        n
      </text>
      <text x={scale(0)} y={14} textAnchor="middle" style={{ fill: "var(--c-production)" }}>
        {reference}
      </text>
      {limit && (
        <text className="lab2" x={scale(limit.value)} y={limitY} textAnchor="middle">
          {limit.label}
        </text>
      )}
      <text x={width - 12} y={14} textAnchor="end">
        {[unit, "95%"].filter(Boolean).join(", ")}
      </text>
    </>
  );
}

type RowProps = {
  row: ForestRow;
  top: number;
  isParted: boolean;
  isActive: boolean;
  digitsMore: number;
  scale: (value: number) => number;
  /** Where the field ends and the figures begin. */
  right: number;
  width: number;
};

/** As much of a label as there is room for beside its n. */
function shortened(label: string, room: number): string {
  const letters = Math.floor(room / LETTER);
  return label.length <= letters ? label : `${label.slice(0, letters - 1).trimEnd()}…`;
}

function Row({ row, top, isParted, isActive, digitsMore, scale, right, width }: RowProps) {
  const y = top + ROW / 2;
  const digits = (row.isMain ? 2 : 1) + digitsMore;
  const { difference, half, isMain } = row;
  const isLosing = loses(row);
  const color = isLosing ? "var(--warn)" : "var(--c-candidate)";
  const [low, high, middle] = [scale(difference - half), scale(difference + half), scale(difference)];
  const weight = isMain ? "lab1 m" : "lab1";
  return (
    <g>
      {isActive && <rect x={0} y={top} width={width} height={ROW} fill="var(--surface-3)" opacity="0.6" />}
      {isParted && <path className="axis-l" d={`M12 ${top - GROUP_GAP / 2}H${width - 12}`} />}
      <text className={weight} x={12} y={y + 4}>
        <title>{row.label}</title>
        {shortened(row.label, LABELS - 32 - widthOf(count(row.n)))}
      </text>
      <text x={LABELS - 12} y={y + 4} textAnchor="end">
        {count(row.n)}
      </text>
      <path
        d={`M${low} ${y - 4}v8M${high} ${y - 4}v8M${low} ${y}H${high}`}
        stroke={color}
        strokeWidth={isMain ? 2.5 : 1.5}
        fill="none"
      />
      {isLosing ? (
        <path d={`M${middle} ${y - 5}l5.5 9.6h-11Z`} fill={color} stroke="var(--surface-1)" />
      ) : (
        <circle
          cx={middle}
          cy={y}
          r={isMain ? 5 : 4}
          fill={color}
          stroke="var(--surface-1)"
          strokeWidth="1.5"
        />
      )}
      {isLosing && (
        <text
          className="lab1 halo"
          y={y + 4}
          {...(high + 8 + widthOf(LOSES) <= right ? { x: high + 8 } : { x: low - 8, textAnchor: "end" })}
        >
          {LOSES}
        </text>
      )}
      <text className={weight} x={width - 56 - DIGIT * digitsMore} y={y + 4} textAnchor="end">
        {signed(difference, digits)}
      </text>
      <text className={isMain ? "lab1" : "lab2"} x={width - 12} y={y + 4} textAnchor="end">
        ±{decimal(half, digits)}
      </text>
    </g>
  );
}
