"use client";

import { type ReactNode, useState } from "react";
import { count, significant } from "@/components/ui/format";
import { ChartFrame } from "./chart-frame";
import { ticks } from "./prepare";
import type { Value } from "./types";
import { useWidth } from "./use-size";

export type HeatRank = {
  rank: number;
  node: string;
  /** One value a cell, equally wide in steps; null where nothing is known. */
  values: readonly Value[];
};

type RankHeatProps = {
  title: string;
  subtitle?: ReactNode;
  ranks: readonly HeatRank[];
  /** The steps that the cells cover. */
  stepFrom: number;
  stepTo: number;
  /** The slow or diverging rank: it gets a frame and a bold label. */
  named?: number | undefined;
  unit: string;
  /** Pressing a cell, or Enter on it: its rank and step. */
  onPick?: ((rank: number, step: number) => void) | undefined;
  tools?: ReactNode;
};

const ROW = 26;
const LEFT = 164;
const RIGHT = 84;
const HEATS = 6;

/** Ordinary values are nearly invisible: the ramp starts at the median and its steps are a tenth of it. */
function heatOf(value: number, median: number): number {
  return Math.min(HEATS - 1, Math.max(0, Math.ceil((value / median - 1.05) * 10)));
}

function medianOf(ranks: readonly HeatRank[]): number {
  const values = ranks.flatMap((rank) => rank.values.filter((value) => value !== null)).sort((a, b) => a - b);
  return values[values.length >> 1] ?? 1;
}

/** Rank by step, coloured by how far a value is above the median of all. */
export function RankHeat(props: RankHeatProps) {
  const { title, subtitle, ranks, stepFrom, stepTo, named, unit, onPick } = props;
  const [ref, width] = useWidth();
  const [active, setActive] = useState(-1);
  const median = medianOf(ranks);
  const right = Math.max(LEFT + 1, width - RIGHT);
  const height = ranks.length * ROW + 44;
  const columns = Math.max(1, ...ranks.map((rank) => rank.values.length));
  const cell = (right - LEFT) / columns;
  const stepX = (step: number) =>
    LEFT + ((step - stepFrom) / Math.max(1, stepTo - stepFrom)) * (right - LEFT);
  const stepOf = (index: number) =>
    Math.round(stepFrom + ((stepTo - stepFrom) * (index % columns)) / columns);
  const last = (rank: HeatRank) => rank.values.findLast((value) => value !== null) ?? null;
  const written = (value: Value | undefined) =>
    value === null || value === undefined ? "none" : `${significant(value)} ${unit}`;

  const pick = (index: number) => {
    const rank = ranks[Math.floor(index / columns)];
    if (rank) onPick?.(rank.rank, stepOf(index));
  };

  return (
    <ChartFrame
      title={title}
      subtitle={subtitle}
      tools={props.tools}
      file="rank-heat"
      description={`${ranks.length} ranks over steps ${count(stepFrom)} to ${count(stepTo)}; median ${written(median)}.`}
      table={{
        heads: ["Rank", "Node", "From step", `Value, ${unit}`],
        rows: ranks.flatMap((rank) =>
          rank.values.map((value, index) => [rank.rank, rank.node, stepOf(index), value]),
        ),
      }}
      points={{
        count: ranks.length * columns,
        active,
        onActive: setActive,
        onSelect: (index) => pick(index),
        describe: (index) => {
          const rank = ranks[Math.floor(index / columns)];
          return rank
            ? `rank ${rank.rank}, step ${count(stepOf(index))}: ${written(rank.values[index % columns])}`
            : "";
        },
      }}
    >
      <div ref={ref}>
        {width > 0 && (
          <svg data-plot="" width={width} height={height} aria-hidden="true">
            {ranks.map((rank, row) => {
              const top = 8 + row * ROW;
              const isNamed = rank.rank === named;
              return (
                <g key={rank.rank}>
                  <text className={isNamed ? "lab1 m" : "lab2"} x={12} y={top + 16}>
                    Rank {rank.rank}
                  </text>
                  <text className="lab2" x={60} y={top + 16}>
                    {rank.node}
                  </text>
                  {rank.values.map(
                    (value, index) =>
                      value !== null && (
                        // biome-ignore lint/a11y/noStaticElementInteractions: the frame around it has the keys
                        <rect
                          // biome-ignore lint/suspicious/noArrayIndexKey: a cell is its place
                          key={index}
                          onClick={() => pick(row * columns + index)}
                          x={LEFT + index * cell}
                          y={top + 2}
                          width={Math.max(1, cell - 1)}
                          height={ROW - 6}
                          fill={`var(--heat-${heatOf(value, median)})`}
                        />
                      ),
                  )}
                  {isNamed && (
                    <rect
                      x={LEFT - 2}
                      y={top}
                      width={right - LEFT + 3}
                      height={ROW - 2}
                      fill="none"
                      stroke="var(--text-1)"
                      strokeWidth="1.5"
                    />
                  )}
                  <text className={isNamed ? "lab1 m" : "lab2"} x={width - 12} y={top + 16} textAnchor="end">
                    {written(last(rank))}
                  </text>
                </g>
              );
            })}
            {active >= 0 && (
              <rect
                x={LEFT + (active % columns) * cell}
                y={10 + Math.floor(active / columns) * ROW}
                width={Math.max(2, cell)}
                height={ROW - 6}
                fill="none"
                stroke="var(--focus)"
                strokeWidth="2"
              />
            )}
            {ticks([stepFrom, stepTo], 5).map((step) => (
              <text key={step} x={stepX(step)} y={height - 22} textAnchor="middle">
                {count(step)}
              </text>
            ))}
            <text className="lab2" x={right} y={height - 6} textAnchor="end">
              Step
            </text>
          </svg>
        )}
      </div>
    </ChartFrame>
  );
}
