"use client";
import { useState } from "react";
import { ChartFrame } from "@/components/charts/chart-frame";
import { Plot } from "@/components/charts/plot";
import { domainOf } from "@/components/charts/prepare";
import { count, percent, significant } from "@/components/ui/format";
import type { GraphNode, WeightHistogram } from "@/server/models/contract";
import type { LayerRow } from "./layer-rows";

/** Edges and counts of the bins, low to high. */
export function binsOf({ min, max, bins }: WeightHistogram) {
  const width = (max - min) / bins.length;
  return bins.map((n, index) => ({ from: min + index * width, to: min + (index + 1) * width, n }));
}

/** The bins of a layer in a row of the table. */
export function HistogramMark({ name, weights }: { name: string; weights: WeightHistogram }) {
  const most = Math.max(1, ...weights.bins);
  const [width, height] = [64, 18];
  const step = width / weights.bins.length;
  return (
    <svg
      role="img"
      width={width}
      height={height}
      aria-label={`${name}: weights from ${significant(weights.min)} to ${significant(weights.max)}`}
    >
      <path
        fill="var(--text-2)"
        d={weights.bins
          .map((n, index) => {
            const tall = n === 0 ? 0 : Math.max(1, (n / most) * height);
            return `M${(index * step).toFixed(2)} ${height}v${-tall.toFixed(2)}h${step.toFixed(2)}V${height}z`;
          })
          .join("")}
      />
    </svg>
  );
}

/** The selected node: what it computes, and the distribution of its layer's weights. */
export function LayerPanel({ row, node }: { row: LayerRow | undefined; node: GraphNode | undefined }) {
  const shape = (of: readonly (number | null)[]) => of.map((n) => n ?? "N").join("×") || "scalar";
  const title = row?.name ?? node?.name ?? "";
  return (
    <div className="layer-detail">
      {node && (
        <p className="body t2 s12">
          <b className="m">{node.op}</b> <span className="mono">{node.name}</span> reads{" "}
          <span className="mono">{node.inputs.join(", ") || "constants"}</span>, makes{" "}
          <span className="mono">{node.outputs.join(", ")}</span>
          {node.shape && ` of ${shape(node.shape)}`}.{!row && " It has no weights."}
        </p>
      )}
      {row &&
        (row.weights ? (
          <HistogramChart title={title} weights={row.weights} />
        ) : (
          <p className="body t2">
            No histogram was kept of this layer: inspections keep those of a model’s first 500 layers, and
            older ones kept none.
          </p>
        ))}
    </div>
  );
}

function HistogramChart({ title, weights }: { title: string; weights: WeightHistogram }) {
  const [active, setActive] = useState(-1);
  const bins = binsOf(weights);
  const { n, min, max, mean, std, zeros } = weights;
  const isFlat = min === max;
  const xDomain = isFlat ? ([min - 1, max + 1] as const) : ([min, max] as const);
  const inWords = (index: number) => {
    const bin = bins[index];
    return bin ? `${significant(bin.from)} to ${significant(bin.to)}: ${count(bin.n)} weights` : "";
  };
  return (
    <ChartFrame
      isInner
      title={`Weights of ${title}`}
      subtitle={`n = ${count(n)}, ${significant(min)} to ${significant(max)}, mean ${significant(mean)}, std ${significant(std)}, ${percent(zeros / n)} exactly zero`}
      file={`weights-${title.replaceAll(/[^\w.-]+/g, "-")}`}
      description={`Histogram of ${count(n)} weights in ${bins.length} bins of equal width.`}
      table={{
        heads: ["from", "to", "weights"],
        rows: bins.map((bin) => [bin.from, bin.to, bin.n]),
      }}
      points={{ count: bins.length, active, onActive: setActive, describe: inWords }}
    >
      <Plot
        x={{ domain: xDomain, label: "weight" }}
        y={{ domain: domainOf(weights.bins, [0], 4), label: "Weights in a bin" }}
        height={172}
        onHover={(x) =>
          setActive(
            x === null || isFlat
              ? -1
              : Math.min(bins.length - 1, Math.floor(((x - min) / (max - min)) * bins.length)),
          )
        }
        overlay={(scales) => {
          const bin = bins[active];
          return (
            bin && (
              <div
                className="tip"
                style={{ top: scales.top, left: Math.min(scales.x(bin.to) + 8, scales.right - 180) }}
              >
                {inWords(active)}
              </div>
            )
          );
        }}
      >
        {(scales) =>
          bins.map((bin, index) => {
            const [left, right] = isFlat ? [min - 0.02, max + 0.02] : [bin.from, bin.to];
            return (
              <rect
                key={bin.from}
                x={scales.x(left)}
                width={Math.max(1, scales.x(right) - scales.x(left) - 0.5)}
                y={scales.y(bin.n)}
                height={scales.bottom - scales.y(bin.n)}
                fill={index === active ? "var(--accent)" : "var(--text-2)"}
              />
            );
          })
        }
      </Plot>
    </ChartFrame>
  );
}
