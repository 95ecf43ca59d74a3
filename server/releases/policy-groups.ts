/** Gates over groups of samples, which a mean over all of them hides: classes and slices. Pure. */
import type { z } from "zod";
import type { SliceResult } from "../models/contract";
import { type ClassRule, differenceInWords, type SliceRule, scoreInWords } from "./policy-contract";
import { type Measured, NOTHING_SERVES, notMeasured, type Verdict, whole } from "./verdict";

/** Groups that a sentence names; the evidence shows all of them. */
const TOLD = 3;

export function classes(
  rule: z.infer<typeof ClassRule>,
  { evidence, production, labels }: Measured,
): Verdict {
  if (!production) return NOTHING_SERVES;
  const { perClass, paired, task } = evidence.evaluation;
  if (perClass.length === 0) {
    return {
      ...notMeasured("no classes", "This dataset's answers are not told apart by class."),
      blocks: false,
    };
  }
  if (!paired) return notMeasured("no pairs", "Production was not measured on these samples.");
  const name = (label: number) => labels[label] ?? String(label);
  const few = perClass.filter(({ n }) => n < rule.minSamples);
  const fallen = perClass
    .filter(({ n }) => n >= rule.minSamples)
    .map(({ label, n, gained, lost }) => ({ label, n, fall: (lost - gained) / n }))
    .toSorted((a, b) => b.fall - a.fall);
  const worst = fallen[0];
  const unmeasured =
    few.length > 0
      ? `Not measured: ${few.map((c) => `${name(c.label)} (n = ${whole(c.n)})`).join(", ")}.`
      : "";
  if (!worst) return { ...notMeasured("too few samples", unmeasured), blocks: false };
  const below = fallen.filter(({ fall }) => fall > rule.worseBy);
  const told = below.map(
    (c) => `${name(c.label)} falls ${differenceInWords(task, c.fall).replace("+", "")} (n = ${whole(c.n)})`,
  );
  return {
    state: below.length === 0 ? "pass" : "fail",
    value: `${name(worst.label)} ${differenceInWords(task, -worst.fall)}`,
    words: [told.length > 0 ? `${told.join(", ")}.` : "", unmeasured].filter(Boolean).join(" "),
  };
}

type Sliced = Pick<Measured, "evidence">;

/** Whether each slice scores at least `floor`, by itself. */
export function sliceFloor(rule: SliceRule, floor: number, measured: Sliced): Verdict {
  const { task } = measured.evidence.evaluation;
  const bound = rule.test === "bound" ? "may be as low as " : "is ";
  return everySlice(rule, measured, {
    found: ({ accuracy, halfWidth }) => (rule.test === "bound" ? accuracy - halfWidth : accuracy),
    floor,
    value: (found) => scoreInWords(task, found),
    words: (found) => `${bound}${scoreInWords(task, found)}`,
  });
}

/** Whether no slice is more than `worseBy` worse than what serves, on the same samples. */
export function sliceLoss(
  rule: SliceRule,
  worseBy: number,
  measured: Pick<Measured, "evidence" | "production">,
): Verdict {
  if (!measured.production) return NOTHING_SERVES;
  const { paired, task } = measured.evidence.evaluation;
  if (!paired) return notMeasured("no pairs", "Production was not measured on these samples.");
  const bound = rule.test === "bound" ? "may be up to " : "is ";
  return everySlice(rule, measured, {
    found: ({ paired: own }) =>
      own === null ? null : rule.test === "bound" ? own.difference - own.halfWidth : own.difference,
    floor: -worseBy,
    value: (found) => differenceInWords(task, found),
    words: (found) => `${bound}${differenceInWords(task, found).replace("−", "")} worse`,
  });
}

interface Look {
  found: (slice: SliceResult) => number | null;
  floor: number;
  value: (found: number) => string;
  words: (found: number) => string;
}

function everySlice(rule: SliceRule, { evidence }: Sliced, look: Look): Verdict {
  const { perSlice } = evidence.evaluation;
  if (perSlice.length === 0) {
    return notMeasured(
      "no slices",
      "The dataset names no slices: measure on one that does, with an array named slice or a column of slices.",
    );
  }
  const few = perSlice.filter(({ n }) => n < rule.minSamples);
  const looked = perSlice
    .filter(({ n }) => n >= rule.minSamples)
    .flatMap((slice) => {
      const found = look.found(slice);
      return found === null ? [] : [{ name: slice.name, n: slice.n, found }];
    })
    .toSorted((a, b) => a.found - b.found);
  const unmeasured =
    few.length > 0 ? `Not measured: ${listed(few, (s) => `${s.name} (n = ${whole(s.n)})`)}.` : "";
  const [worst] = looked;
  if (!worst) return { ...notMeasured("too few samples", unmeasured), blocks: false };
  const below = looked.filter(({ found }) => found < look.floor);
  const told = listed(below, (s) => `${s.name} ${look.words(s.found)} (n = ${whole(s.n)})`);
  return {
    state: below.length === 0 ? "pass" : "fail",
    value: `${worst.name} ${look.value(worst.found)}`,
    words: [told && `${told}.`, unmeasured].filter(Boolean).join(" "),
  };
}

function listed<T>(items: readonly T[], words: (item: T) => string): string {
  const more = items.length > TOLD ? `, and ${items.length - TOLD} more` : "";
  return items.slice(0, TOLD).map(words).join(", ") + more;
}
