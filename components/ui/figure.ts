/** How a model's figure is written, by the dataset's task: a share in percent and points, or a plain number. */
import { count, decimal, percent, plusMinus, points, signed } from "@/components/ui/format";
import type { DatasetTask } from "@/server/datasets/contract";
import { TASKS } from "@/server/datasets/contract";
import type { Figure } from "@/server/models/contract";

export interface FigureWords {
  /** "Accuracy", "R²". */
  name: string;
  /** With its unit, for an axis: "Accuracy, %". */
  axis: string;
  /** What a value is multiplied by for a chart. */
  scale: number;
  /** "pt", or nothing. */
  unit: string;
  value: (value: number | null | undefined, digits?: number) => string;
  difference: (value: number | null | undefined, digits?: number) => string;
  half: (value: number | null | undefined, digits?: number) => string;
}

/** A number that is no share has two digits more, where a percent has two. */
const PLAIN = 2;

export function figureOf(task: DatasetTask): FigureWords {
  const { figure: name, isShare } = TASKS[task];
  if (isShare) {
    return {
      name,
      axis: `${name}, %`,
      scale: 100,
      unit: "pt",
      value: (value, digits = 2) => percent(value, digits),
      difference: (value, digits = 2) => points(value == null ? value : value * 100, digits),
      half: (value, digits = 2) => plusMinus(value == null ? value : value * 100, digits),
    };
  }
  return {
    name,
    axis: name,
    scale: 1,
    unit: "",
    value: (value, digits = 2) => decimal(value, digits + PLAIN),
    difference: (value, digits = 2) => signed(value, digits + PLAIN),
    half: (value, digits = 2) => plusMinus(value, digits + PLAIN),
  };
}

/** What a column of figures is called: by their name where all have one, else each says its own. */
export function figuresOf(tasks: readonly (DatasetTask | null | undefined)[]): {
  head: string;
  /** Before a value; nothing where the head says it. */
  prefix: (task: DatasetTask) => string;
} {
  const names = new Set(tasks.flatMap((task) => (task ? [TASKS[task].figure] : [])));
  const [only = TASKS.classification.figure, ...others] = names;
  return others.length === 0
    ? { head: only, prefix: () => "" }
    : { head: "Figure", prefix: (task) => `${TASKS[task].figure} ` };
}

/** How many samples changed for better and worse, in words. */
export function changedWords({ gained, lost }: { gained: number; lost: number }, task: DatasetTask): string {
  return task === "classification"
    ? `${count(gained)} answers gained, ${count(lost)} lost`
    : `${count(gained)} samples score higher, ${count(lost)} lower`;
}

const BESIDE: Record<Figure["name"], { name: string; write: (value: number) => string }> = {
  mae: { name: "mean absolute error", write: (value) => Number(value.toPrecision(4)).toString() },
  agreement: { name: "same largest output", write: (value) => percent(value, 2) },
  kl: { name: "output KL", write: (value) => `${value.toPrecision(3)} nats` },
};

/** "mean absolute error 0.512 (v1: 0.498)". */
export const besideInWords = ({ name, value, baseline }: Figure, from: string): string => {
  const { name: words, write } = BESIDE[name];
  return `${words} ${write(value)}${baseline === null ? "" : ` (${from}: ${write(baseline)})`}`;
};
