import type uPlot from "uplot";
import { tickFormat } from "./tick-format";
import type { Stroke } from "./types";

/** Resolves `var(--name)` to the colour it stands for now; canvas knows no variables. */
export function resolveColor(color: string): string {
  const name = /^var\((--[\w-]+)\)$/.exec(color)?.[1];
  return name ? getComputedStyle(document.documentElement).getPropertyValue(name).trim() : color;
}

/** A resolved `oklch(…)` colour with less than full strength. */
export function withAlpha(color: string, alpha: number): string {
  return color.endsWith(")") ? `${color.slice(0, -1)} / ${alpha})` : color;
}

export const DASH: Record<Stroke, number[]> = { solid: [], dashed: [5, 3], dotted: [1, 3] };

/** The family is that of the page: a canvas cannot read the font variable either. */
export function axisFont(): string {
  return `12px ${getComputedStyle(document.body).fontFamily}`;
}

type AxisOptions = { values?: (value: number) => string; splits: (min: number, max: number) => number[] };

/** Horizontal hairlines only, ticks on the x axis only, labels in the third text colour. */
export function axes(x: AxisOptions, y: AxisOptions): uPlot.Axis[] {
  const common = { stroke: resolveColor("var(--text-3)"), font: axisFont(), labelSize: 0 };
  const line = { stroke: resolveColor("var(--line-strong)"), width: 1 };
  const written = ({ values }: AxisOptions) => ({
    values: (_: uPlot, splits: number[]) => splits.map(values ?? tickFormat(splits)),
  });
  return [
    {
      ...common,
      size: 22,
      gap: 4,
      grid: { show: false },
      ticks: { ...line, size: 4 },
      border: { ...line, show: true },
      splits: (_, __, min, max) => x.splits(min, max),
      ...written(x),
    },
    {
      ...common,
      size: 44,
      gap: 8,
      grid: { stroke: resolveColor("var(--grid)"), width: 1 },
      ticks: { show: false },
      splits: (_, __, min, max) => y.splits(min, max),
      ...written(y),
    },
  ];
}

type Level = { value: number };

/** Draws limits as dotted lines over the whole plot. */
export function levelHook(levels: readonly Level[]): (plot: uPlot) => void {
  const color = resolveColor("var(--text-2)");
  return (plot) => {
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.strokeStyle = color;
    ctx.lineWidth = devicePixelRatio;
    ctx.setLineDash(DASH.dotted.map((length) => length * devicePixelRatio));
    for (const { value } of levels) {
      const y = Math.round(plot.valToPos(value, "y", true)) + 0.5;
      if (y < bbox.top || y > bbox.top + bbox.height) continue;
      ctx.beginPath();
      ctx.moveTo(bbox.left, y);
      ctx.lineTo(bbox.left + bbox.width, y);
      ctx.stroke();
    }
    ctx.restore();
  };
}

/** Fills what has not happened yet, from `from` to the right end. */
export function futureHook(from: number): (plot: uPlot) => void {
  const color = resolveColor("var(--surface-2)");
  return (plot) => {
    const { ctx, bbox } = plot;
    const start = Math.max(bbox.left, plot.valToPos(from, "x", true));
    const end = bbox.left + bbox.width;
    if (start >= end) return;
    ctx.save();
    ctx.fillStyle = color;
    ctx.fillRect(start, bbox.top, end - start, bbox.height);
    ctx.restore();
  };
}
