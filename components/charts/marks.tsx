import type { Scales } from "./plot";
import { runs } from "./prepare";
import type { MeasuredPoint, Point, Stroke } from "./types";

const DASH: Record<Stroke, string | undefined> = { solid: undefined, dashed: "5 3", dotted: "1 3" };

/** A line that breaks at gaps. Straight between points, or in steps that hold until the next one. */
export function LineMark(props: {
  scales: Scales;
  points: readonly Point[];
  color: string;
  stroke?: Stroke;
  isStep?: boolean;
}) {
  const { scales, points, color, stroke = "solid", isStep = false } = props;
  const d = runs(points)
    .map((run) =>
      run
        .map((point, index) => {
          const at = `${scales.x(point.x).toFixed(1)}`;
          const y = scales.y(point.y).toFixed(1);
          if (index === 0) return `M${at} ${y}`;
          return isStep ? `H${at}V${y}` : `L${at} ${y}`;
        })
        .join(""),
    )
    .join("");
  return <path className="ln" d={d} stroke={color} strokeDasharray={DASH[stroke]} />;
}

/** A measured point: filled, with a ring that parts it from the line, and its 95% interval as whisker. */
export function PointMark({
  scales,
  point,
  color,
  isActive,
}: {
  scales: Scales;
  point: MeasuredPoint;
  color: string;
  isActive: boolean;
}) {
  const x = scales.x(point.x);
  const y = scales.y(point.y);
  const half = point.half ?? 0;
  const [low, high] = [scales.y(point.y - half), scales.y(point.y + half)];
  return (
    <g>
      {half > 0 && (
        <path
          d={`M${x - 4} ${high}h8M${x - 4} ${low}h8M${x} ${high}V${low}`}
          stroke={color}
          strokeWidth="1.5"
          fill="none"
        />
      )}
      <circle cx={x} cy={y} r={isActive ? 6 : 4} fill={color} stroke="var(--surface-1)" strokeWidth="1.5" />
    </g>
  );
}

/** A point beyond the scale: a chevron at the edge it left by, and its value in words. Never clipped silently. */
export function OffScaleMark({
  scales,
  x,
  isBelow,
  text,
  color,
}: {
  scales: Scales;
  x: number;
  isBelow: boolean;
  text: string;
  color: string;
}) {
  const at = scales.x(x);
  const y = isBelow ? scales.bottom - 10 : scales.top + 10;
  const tip = isBelow ? 5 : -5;
  return (
    <g>
      <path
        d={`M${at - 4} ${y}L${at} ${y + tip}L${at + 4} ${y}`}
        stroke={color}
        strokeWidth="1.5"
        fill="none"
      />
      <text className="lab2 halo" x={at} y={y + (isBelow ? -8 : 18)} textAnchor="middle">
        {text}
      </text>
    </g>
  );
}

/** A level over the whole width: solid for a baseline, dotted for a limit, named in words at the line. */
export function LevelMark(props: {
  scales: Scales;
  value: number;
  label: string;
  color: string;
  stroke: Stroke;
  isAtEnd?: boolean;
}) {
  const { scales, value, label, color, stroke, isAtEnd = false } = props;
  const y = scales.y(value);
  return (
    <g>
      <path
        d={`M${scales.left} ${y}H${scales.right}`}
        stroke={color}
        strokeWidth={stroke === "dotted" ? 1 : 1.5}
        strokeDasharray={DASH[stroke]}
        fill="none"
      />
      {isAtEnd ? (
        <text className="lab2" x={scales.right + 6} y={y + 4}>
          {label}
        </text>
      ) : (
        <text className="lab2 halo" x={scales.right} y={y + 16} textAnchor="end">
          {label}
        </text>
      )}
    </g>
  );
}

/** The cursor: one solid hairline, the same place in all charts that share it. */
export function CursorMark({ scales, x }: { scales: Scales; x: number | null }) {
  if (x === null) return null;
  const at = scales.x(x);
  if (at < scales.left - 1 || at > scales.right + 1) return null;
  return <line className="cross" x1={at} x2={at} y1={scales.top - 4} y2={scales.bottom} />;
}
