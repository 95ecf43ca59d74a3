/** Lineage in words: how a version came out of its parent, and what that cost in points and bytes. */

import { figureOf } from "@/components/ui/figure";
import { bytes, capital, change, signed } from "@/components/ui/format";
import type { DatasetTask } from "@/server/datasets/contract";
import type { MadeBy } from "@/server/models/contract";
import { PRECISIONS } from "@/server/studio/contract";

export interface Ancestor {
  id: string;
  number: number;
  parentId: string | null;
  /** The number of the other parent, of a merge. */
  mergedWithNumber: number | null;
  bytes: number;
  /** Of the dataset that it was last measured on. */
  task: DatasetTask | null;
  accuracy: number | null;
  datasetId: string | null;
  /** The difference on the same samples, where it was measured, and what of. */
  toParent: { difference: number; task: DatasetTask } | null;
  madeBy: MadeBy | null;
}

const TRAINED: Record<string, { title: string; how: string }> = {
  recover: { title: "Recovered", how: "distillation" },
  fine_tune: { title: "Fine-tuned", how: "labels" },
  from_scratch: { title: "Trained from scratch", how: "labels, fresh weights" },
};
const trained = (mode: string) => TRAINED[mode] ?? { title: capital(mode), how: mode };

const whole = (fraction: number): string => `${Math.round(fraction * 100)}%`;

/** What was done, as the edge's heading: "Channels pruned, sparse, then int8". */
export function recipeTitle(madeBy: MadeBy | null): string {
  if (!madeBy) return "Uploaded again";
  if (madeBy.kind === "train") return trained(madeBy.mode).title;
  const { channels, sparsity, precision, merge } = madeBy.recipe;
  const steps = [
    merge && `merged with v${merge.partner}`,
    channels > 0 && "channels pruned",
    sparsity > 0 && "weights zeroed",
    precision !== "fp32" && PRECISIONS[precision],
  ].filter((step) => typeof step === "string");
  const text = steps.join(", ") || "copied";
  return capital(text);
}

/** The settings behind it. */
export function recipeDetail(madeBy: MadeBy | null): string {
  if (!madeBy) return "";
  if (madeBy.kind === "train") {
    const { epochs, globalBatch, lr, stopAtStep } = madeBy.hyper;
    const length = stopAtStep
      ? `to step ${stopAtStep} of ${epochs} epochs`
      : `${epochs} ${epochs === 1 ? "epoch" : "epochs"}`;
    return `${trained(madeBy.mode).how}, ${length}, batch ${globalBatch}, lr ${lr}${madeBy.precision === "fp32" ? "" : `, ${PRECISIONS[madeBy.precision]} applied again`}`;
  }
  const { channels, sparsity } = madeBy.achieved;
  const { merge } = madeBy.recipe;
  return [
    merge && `${merge.method}, ${whole(merge.weight)} of v${merge.partner}`,
    channels > 0 && `${whole(channels)} of channels`,
    sparsity > 0 && `${whole(sparsity)} zeros`,
  ]
    .filter(Boolean)
    .join(", ");
}

/** How good a version is: "91.50% ±0.55", and with its name what is no accuracy: "R² 0.9130 ±0.0040". */
export function figureInWords({
  task,
  accuracy,
  halfWidth,
}: Pick<Ancestor, "task" | "accuracy"> & { halfWidth: number | null }): string {
  const { name, value, half } = figureOf(task ?? "classification");
  return [
    task !== null && task !== "classification" && name,
    value(accuracy),
    accuracy !== null && halfWidth !== null && half(halfWidth),
  ]
    .filter(Boolean)
    .join(" ");
}

/** What it did to the figure: "−0.51 pt", "−0.0051". Null where both were not measured on one dataset. */
export function accuracyCost(parent: Ancestor, child: Ancestor): string | null {
  if (child.toParent) return figureOf(child.toParent.task).difference(child.toParent.difference);
  if (parent.accuracy === null || child.accuracy === null || parent.datasetId !== child.datasetId)
    return null;
  return figureOf(child.task ?? "classification").difference(child.accuracy - parent.accuracy);
}

/** What it did to the numbers: "−0.51 pt, −424 kB". */
export function recipeCost(parent: Ancestor, child: Ancestor): string {
  const size = child.bytes - parent.bytes;
  const parts = [
    accuracyCost(parent, child) ?? "not compared",
    size === 0 ? "same size" : `${signed(size, 0).startsWith("+") ? "+" : ""}${bytes(size)}`,
  ];
  return parts.join(", ");
}

/** From the oldest ancestor to each version that has no child, newest first. */
export function lines<V extends { id: string; number: number; parentId: string | null }>(
  versions: readonly V[],
): V[][] {
  const byId = new Map(versions.map((v) => [v.id, v]));
  const parents = new Set(versions.map((v) => v.parentId));
  return versions
    .filter((v) => !parents.has(v.id))
    .sort((a, b) => b.number - a.number)
    .map((leaf) => {
      const line: V[] = [];
      for (let at: V | undefined = leaf; at; at = at.parentId ? byId.get(at.parentId) : undefined)
        line.unshift(at);
      return line;
    });
}

/** A size against what it is compared with: "−74%", or nothing where it is the same. */
export const against = (value: number, other: number | null | undefined): string =>
  other ? change(value / other - 1) : "";
