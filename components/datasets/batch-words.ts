/** A test batch in words: what came of it, and what is wrong with it, if anything. */
import { figureOf } from "@/components/ui/figure";
import { ms, percent, plural, significant } from "@/components/ui/format";
import type { TriedBatch } from "@/server/models/contract";

export interface BatchWords {
  /** "Accuracy 89.06%". */
  figure: string;
  /** "64 samples, 12 ms"; null where none was answered. */
  size: string | null;
  /** What is wrong and how to mend it; of a batch that passed, what went in and came out. */
  detail: string;
}

const STATES = { passed: "ok", warning: "warning", failed: "bad" } as const;

/** The shape that stands for a verdict. */
export const stateOf = ({ verdict }: Pick<TriedBatch, "verdict">) => STATES[verdict];

/** @param labels names of the classes; their numbers where there are none */
export function batchWords(batch: TriedBatch, labels: readonly string[]): BatchWords {
  const { n, score, task, problems } = batch;
  const unscored = n === 0 ? "no sample answered" : "answered";
  const figure = score === null ? unscored : `${figureOf(task).name} ${figureOf(task).value(score)}`;
  const size = batch.ms === null ? null : `${plural(n, "sample")}, ${ms(batch.ms)}`;
  const wrong = problems.map(
    ({ message, remedy, where }) => `${message}${where ? ` Found at ${where}.` : ""} ${remedy}`,
  );
  return { figure, size, detail: wrong.length > 0 ? wrong.join(" ") : factsOf(batch, labels) };
}

/** "Fed 64×1×28×28 float32 from 0 to 1.00. Answered scores, 64×10 float32, all finite. Commonest answer: coat, 14.1%." */
function factsOf({ fed, outputs, finite, commonest }: TriedBatch, labels: readonly string[]): string {
  const facts: string[] = [];
  if (fed) {
    const values = `from ${significant(fed.min)} to ${significant(fed.max)}`;
    facts.push(`Fed ${fed.shape.join("×")} ${fed.dtype} ${values}.`);
  }
  const answered = outputs.map(({ name, shape, dtype }) => `${name}, ${shape.join("×")} ${dtype}`);
  if (answered.length > 0) facts.push(`Answered ${answered.join("; ")}${finite ? ", all finite" : ""}.`);
  if (commonest) {
    const name = labels[commonest.label] ?? `class ${commonest.label}`;
    facts.push(`Commonest answer: ${name}, ${percent(commonest.share)}.`);
  }
  return facts.join(" ");
}
