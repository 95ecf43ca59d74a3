import type uPlot from "uplot";
import type { SeriesPlace } from "./live-data";
import { type Domain, domainOf, ticks, timeTicks } from "./prepare";
import { axes, DASH, futureHook, levelHook, resolveColor, withAlpha } from "./uplot-look";

type Options = {
  places: readonly SeriesPlace[];
  size: { width: number; height: number };
  levels: readonly { value: number }[];
  includeY: readonly number[];
  formatTick: (value: number) => string;
  /** The x axis is in Unix ms. */
  isTime: boolean;
  /** What is to be in sight now; read at each drawing. */
  view: () => { extent: Domain; lastX: number };
  canZoom: boolean;
  /** A press that is no drag. */
  onPick: (x: number) => void;
  onCursor: (x: number | null) => void;
  onZoom: (range: Domain | null) => void;
};

/** A drag shorter than this is a press, in px. */
const SHORTEST_DRAG = 6;

/** Everything uPlot needs to draw our look: bands at a fifth of the line's strength, one cursor, zoom by drag. */
export function liveOptions(options: Options): uPlot.Options {
  const { places, size, levels, includeY, view, canZoom, onPick, onCursor, onZoom } = options;
  const limits = [...includeY, ...levels.map(({ value }) => value)];
  const bands = places.flatMap(({ band, series }) =>
    band
      ? [
          {
            series: [band.max, band.min] satisfies [number, number],
            fill: withAlpha(resolveColor(series.color), 0.2),
          },
        ]
      : [],
  );
  return {
    ...size,
    padding: [8, 14, 0, 0],
    legend: { show: false },
    series: [{}, ...places.flatMap(lines)],
    bands,
    axes: axes(
      {
        splits: (min, max) => (options.isTime ? timeTicks : ticks)([min, max], size.width < 320 ? 4 : 6),
        values: options.formatTick,
      },
      { splits: (min, max) => ticks([min, max], 5) },
    ),
    scales: {
      x: { time: false, range: () => [...widened(view().extent)] },
      y: { range: (_, min, max) => [...domainOf([min, max], limits)] },
    },
    cursor: {
      x: true,
      y: false,
      points: { show: false },
      drag: { x: canZoom, y: false, setScale: false, dist: SHORTEST_DRAG },
      bind: {
        dblclick: () => () => {
          onZoom(null);
          return null;
        },
      },
    },
    hooks: {
      // A drag ends with a click as well, which uPlot keeps to itself.
      ready: [
        (plot) => plot.over.addEventListener("click", ({ offsetX }) => onPick(plot.posToVal(offsetX, "x"))),
      ],
      drawClear: [(plot) => futureHook(view().lastX)(plot)],
      draw: levels.length > 0 ? [levelHook(levels)] : [],
      setCursor: [
        (plot) => {
          if (!plot.cursor.event) return;
          const left = plot.cursor.left ?? -1;
          onCursor(left < 0 ? null : plot.posToVal(left, "x"));
        },
      ],
      setSelect: [
        (plot) => {
          const { left, width } = plot.select;
          if (width < SHORTEST_DRAG) return;
          onZoom([plot.posToVal(left, "x"), plot.posToVal(left + width, "x")]);
          plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        },
      ],
    },
  };
}

/** One point has no width; the axis needs some around it. */
const widened = ([min, max]: Domain): Domain => (min === max ? [min - 1, max + 1] : [min, max]);

function lines({ series, band }: SeriesPlace): uPlot.Series[] {
  const color = resolveColor(series.isEarlier ? "var(--c-baseline)" : series.color);
  const edge: uPlot.Series = { stroke: "transparent", width: 0, points: { show: false } };
  const mean: uPlot.Series = {
    stroke: series.isEarlier ? withAlpha(color, 0.6) : color,
    width: 1.5,
    dash: DASH[series.stroke ?? "solid"],
    // A single value between gaps has no line; a dot keeps it in sight.
    points: { show: series.x.length < 40, size: 5, fill: color, width: 0 },
    spanGaps: false,
  };
  return band ? [edge, edge, mean] : [mean];
}
