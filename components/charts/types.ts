/** A value on an axis; null is a gap, never a zero. */
export type Value = number | null;

/** One measurement with the half width of its 95% interval, in the unit of the axis. */
export type MeasuredPoint = {
  id: string;
  x: number;
  y: number;
  half?: number | undefined;
  n?: number | undefined;
  /** Shown in the tooltip and the table: "int8 static, sparsity 48%". */
  label?: string | undefined;
};

export type Point = { x: number; y: Value };

/** How a stroke looks; the same in the chart and in its legend. */
export type Stroke = "solid" | "dashed" | "dotted";

export type LegendItem = {
  label: string;
  /** CSS colour, as a variable: "var(--c-candidate)". */
  color: string;
  mark: Stroke | "dot" | "band" | "square" | "diamond";
  isHidden?: boolean | undefined;
  onToggle?: (() => void) | undefined;
};

/** What "View as table" and the CSV hold: heads with units, and rows as they are written there. */
export type ChartTable = {
  heads: readonly string[];
  rows: readonly (readonly (string | number | null)[])[];
};
