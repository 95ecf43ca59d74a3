/** The goals that a search can have, and how what is typed becomes one. */
import { figureOf } from "@/components/ui/figure";
import type { DatasetTask } from "@/server/datasets/contract";
import { Target } from "@/server/studio/session-contract";

export type Goal = "loss" | "file" | "zstd19" | "latency";

interface Words {
  name: string;
  label: string;
  unit: string;
  hint: string;
  example: string;
  target: (value: number) => Target;
}

const GOALS: Record<Goal, Words> = {
  loss: {
    name: "Loss",
    label: "Accuracy lost at most",
    unit: "pt",
    hint: "Finds the fewest bytes; locked layers and recovery stay as you set them.",
    example: "0.5",
    target: (points) => ({ goal: "loss", points }),
  },
  file: {
    name: "File",
    label: "File at most",
    unit: "kB",
    hint: "Finds the most accurate setting whose ONNX file fits.",
    example: "250",
    target: (kilobytes) => ({ goal: "bytes", figure: "file", most: Math.round(kilobytes * 1000) }),
  },
  zstd19: {
    name: "zstd",
    label: "File after zstd-19 at most",
    unit: "kB",
    hint: "Finds the most accurate setting that fits when compressed, as it travels.",
    example: "100",
    target: (kilobytes) => ({ goal: "bytes", figure: "zstd19", most: Math.round(kilobytes * 1000) }),
  },
  latency: {
    name: "Latency",
    label: "Median at batch 1 at most",
    unit: "ms",
    hint: "Finds the most accurate setting that answers in time, on this session's node.",
    example: "3",
    target: (mostMs) => ({ goal: "latency", batch: 1, mostMs }),
  },
};

/** The goals in the words of a task: a figure that is no share is lost in its own unit. */
export function goalsOf(task: DatasetTask): Record<Goal, Words> {
  const { name, scale, unit } = figureOf(task);
  const loss: Words = {
    ...GOALS.loss,
    label: `${name} lost at most`,
    unit,
    ...(scale === 1 && {
      example: "0.005",
      target: (lost) => ({ goal: "loss", points: Number((lost * 100).toPrecision(12)) }),
    }),
  };
  return { ...GOALS, loss };
}

/** The target of a goal and a typed figure, or what is wrong with it. */
export function readTarget(
  goal: Goal,
  text: string,
  task: DatasetTask = "classification",
): { target?: Target; error?: string } {
  const goals = goalsOf(task);
  const { target, unit } = goals[goal];
  const value = text.trim() === "" ? Number.NaN : Number(text.trim().replace(",", "."));
  if (Number.isNaN(value))
    return { error: `Give a number${unit && ` of ${unit}`}, such as ${goals[goal].example}.` };
  const read = Target.safeParse(target(value));
  if (read.success) return { target: read.data };
  const most = goals.loss.unit ? "50 points" : "0.5";
  return { error: goal === "loss" ? `Between 0 and ${most}.` : "More than 0." };
}
