/** The goals that a search can have, and how what is typed becomes one. */
import { Target } from "@/server/studio/contract";

export type Goal = "loss" | "file" | "zstd19" | "latency";

interface Words {
  name: string;
  label: string;
  unit: string;
  hint: string;
  example: string;
  target: (value: number) => Target;
}

export const GOALS: Record<Goal, Words> = {
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

/** The target of a goal and a typed figure, or what is wrong with it. */
export function readTarget(goal: Goal, text: string): { target?: Target; error?: string } {
  const { target, unit } = GOALS[goal];
  const value = text.trim() === "" ? Number.NaN : Number(text.trim().replace(",", "."));
  if (Number.isNaN(value)) return { error: `Give a number of ${unit}, such as ${GOALS[goal].example}.` };
  const read = Target.safeParse(target(value));
  if (read.success) return { target: read.data };
  return { error: goal === "loss" ? "Between 0 and 50 points." : "More than 0." };
}
