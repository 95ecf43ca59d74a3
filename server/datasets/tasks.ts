/** Tasks in words. Pure, for screens and messages. */
import type { DatasetReport, DatasetTask } from "./contract";

interface Words {
  /** "multi-label". */
  name: string;
  /** Mean score of a model: "Accuracy", "R²". */
  figure: string;
  /** Whether the figure is a share, told in percent and points; else it is a plain number. */
  isShare: boolean;
  /** One right or wrong part of the answers; null where they are numbers. */
  part: string | null;
}

export const TASKS: Record<DatasetTask, Words> = {
  classification: { name: "single class", figure: "Accuracy", isShare: true, part: "class" },
  multilabel: { name: "multi-label", figure: "Labels right", isShare: true, part: "label" },
  regression: { name: "regression", figure: "R²", isShare: false, part: null },
  tokens: { name: "token classes", figure: "Tokens right", isShare: true, part: "class" },
  unlabelled: { name: "no labels", figure: "Cosine fidelity", isShare: false, part: null },
};

/** What labels ask for: "10 classes", "3 values", "12 tokens of 5 classes". */
export function asked({
  task,
  classes,
  labelShape,
}: Pick<DatasetReport, "task" | "labelShape" | "classes">): string {
  const many = (n: number, one: string, more: string) => `${n} ${n === 1 ? one : more}`;
  switch (task) {
    case "classification":
      return many(classes.length, "class", "classes");
    case "multilabel":
      return many(labelShape[0] ?? 0, "label", "labels");
    case "regression":
      return many(labelShape[0] ?? 0, "value", "values");
    case "tokens":
      return `${labelShape[0]} tokens of ${many(classes.length, "class", "classes")}`;
    case "unlabelled":
      return "no labels";
  }
}
