/** The studio: the dials, the recipe that they make, and the commit of it. */
import { z } from "zod";
import { Precision, Score } from "../models/contract";
import { Count, Fraction, Id, Sha256 } from "../platform/atoms";

/** Zeros that a layer has by structure: of every four weights side by side along its inputs, the two smallest. */
export const Pattern = z.enum(["none", "2:4"]);

/** How the values of an activation become the range that static int8 gives it. */
export const Calibration = z.enum(["minmax", "entropy", "percentile"]);

/**
 * Which weights make up the sparsity: the smallest of the whole network; the smallest of each layer, the same share in
 * every one; or the smallest of each layer, shares chosen by what a scan says that zeroing a layer costs.
 */
export const Allocation = z.enum(["magnitude", "uniform", "sensitivity"]);
export type Allocation = z.infer<typeof Allocation>;

export const CALIBRATION_SAMPLES = 512;
export const MAX_RECOVERY = 2;

/**
 * How two versions become one: their weights interpolated, tensor by tensor along an arc, or their changes from the
 * shared ancestor added, the last with small changes dropped and signs elected (TIES).
 */
export const MergeMethod = z.enum(["soup", "slerp", "arithmetic", "ties"]);
export type MergeMethod = z.infer<typeof MergeMethod>;

/** The fp32 graphs that a merge joins the version's own with; no ancestor where the method needs none. */
export const MergeParents = z.object({ partner: Sha256, ancestor: Sha256.nullable() });
export type MergeParents = z.infer<typeof MergeParents>;

/** Another version of the same model joined into this one. */
export const Merge = z.object({
  /** The partner's number. */
  partner: z.number().int().positive(),
  method: MergeMethod,
  /** 0 is this version, 1 the partner. */
  weight: Fraction,
  /** TIES: the share of each change that is kept. */
  density: Fraction.default(0.2),
  /** Arithmetic and TIES: 1 averages the two changes, 2 adds them up at weight 0.5. */
  scale: z.number().min(0).max(2).default(1),
  /** Filled in by the console for whoever builds it, never believed from a browser. */
  parents: MergeParents.nullable().default(null),
});
export type Merge = z.infer<typeof Merge>;

/** Methods that start from the shared ancestor. */
export const usesAncestor = (method: MergeMethod): boolean => method === "arithmetic" || method === "ties";

/** Whether a merge gives other weights than this version's. */
export const joins = (merge: Merge | null): merge is Merge =>
  merge !== null && (merge.weight > 0 || usesAncestor(merge.method));

/**
 * The dials. Ratios are fractions; steps apply in the order merge → channels → pattern and sparsity → recovery →
 * precision.
 */
export const Settings = z.object({
  channels: z.number().min(0).max(0.9).default(0),
  sparsity: z.number().min(0).max(0.95).default(0),
  /** Its zeros count towards `sparsity`; a layer that is locked below half goes without it. */
  pattern: Pattern.default("none"),
  precision: Precision.default("fp32"),
  calibration: Calibration.default("minmax"),
  calibrationSamples: z.number().int().min(16).max(4096).default(CALIBRATION_SAMPLES),
  /** Layers by name that stay fp32 when the precision is lowered. */
  keepFloat: z.array(z.string()).default([]),
  allocation: Allocation.default("magnitude"),
  /** Layers by name that are locked at a ratio; the others give what is then left to reach `sparsity`. */
  layers: z.record(z.string(), z.number().min(0).max(0.95)).default({}),
  /** Epochs in which what is left learns the version's answers again (distillation), zeros kept; before precision. */
  recovery: z.number().min(0).max(MAX_RECOVERY).default(0),
  merge: Merge.nullable().default(null),
});
export type Settings = z.infer<typeof Settings>;

/** Whether any dial is turned. */
export const changesSomething = ({
  channels,
  sparsity,
  pattern,
  precision,
  layers,
  recovery,
  merge,
}: Settings): boolean =>
  joins(merge) ||
  recovery > 0 ||
  channels > 0 ||
  sparsity > 0 ||
  pattern !== "none" ||
  precision !== "fp32" ||
  Object.values(layers).some((ratio) => ratio > 0);

/**
 * The same settings without what has no effect under their precision or method, and as dials know them, without digests:
 * equal settings then make equal bytes.
 */
export function effective(settings: Settings): Settings {
  const { calibration, calibrationSamples, keepFloat } = Settings.parse({});
  return {
    ...settings,
    ...(settings.precision !== "int8" && { calibration, calibrationSamples }),
    merge: settings.merge && plainMerge(settings.merge),
    keepFloat: settings.precision === "fp32" ? keepFloat : [...new Set(settings.keepFloat)].sort(),
  };
}

function plainMerge({ partner, method, weight, density, scale }: Merge): Merge {
  const used = { ...(method === "ties" && { density }), ...(usesAncestor(method) && { scale }) };
  return Merge.parse({ partner, method, weight, ...used });
}

/** Precisions in words. */
export const PRECISIONS: Record<Precision, string> = {
  fp32: "fp32",
  fp16: "fp16",
  int8: "int8 static",
  int8_dynamic: "int8 dynamic",
  int4: "int4",
};

/** More locked layers than these are only counted. */
const MOST_NAMED = 2;

/** A merge in words: "ties with 50% of v5, density 20%, scale 1.5". */
function mergeInWords({ partner, method, weight, density, scale }: Merge): string {
  const parts = [
    `${method} with ${Math.round(weight * 100)}% of v${partner}`,
    method === "ties" && `density ${Math.round(density * 100)}%`,
    usesAncestor(method) && scale !== 1 && `scale ${scale}`,
  ];
  return parts.filter(Boolean).join(", ");
}

/** What the channel dial of a version removes. */
export const Unit = z.enum(["channels", "heads", "neurons"]);
export type Unit = z.infer<typeof Unit>;

/** "channels", "heads and neurons". A neuron of a network of convolutions is a channel of its linear layers. */
export function unitsInWords(units: readonly Unit[]): string {
  const named = units.length === 0 ? Unit.options.slice(0, 1) : units;
  return named.filter((unit) => unit !== "neurons" || !named.includes("channels")).join(" and ");
}

const removedInWords = (channels: number, units: readonly Unit[] | undefined): string => {
  const share = `${Math.round(channels * 100)}%`;
  return units ? `${unitsInWords(units)} ${share}` : `${share} removed`;
};

/**
 * Dials in words: "soup with 50% of v5, channels 25%, sparsity 40% by sensitivity, int8 static by entropy". Without
 * `units` it is not said what is removed.
 */
export function inWords(settings: Settings, units?: readonly Unit[]): string {
  const { channels, sparsity, pattern, precision, calibration, calibrationSamples, keepFloat } =
    effective(settings);
  const { allocation, layers, recovery, merge } = settings;
  const locks = Object.entries(layers);
  const parts = [
    joins(merge) && mergeInWords(merge),
    channels > 0 && removedInWords(channels, units),
    pattern !== "none" && `${pattern} zeros`,
    sparsity > 0 &&
      `sparsity ${Math.round(sparsity * 100)}%${allocation === "magnitude" ? "" : ` by ${allocation}`}`,
    locks.length > MOST_NAMED
      ? `${locks.length} layers locked`
      : locks.map(([name, ratio]) => `${name} at ${Math.round(ratio * 100)}%`).join(", "),
    recovery > 0 && `recovered for ${recovery} ${recovery === 1 ? "epoch" : "epochs"}`,
    precision !== "fp32" &&
      `${PRECISIONS[precision]}${calibration === "minmax" ? "" : ` by ${calibration}`}${
        calibrationSamples === CALIBRATION_SAMPLES ? "" : ` on ${calibrationSamples} samples`
      }`,
    keepFloat.length > MOST_NAMED
      ? `${keepFloat.length} layers in fp32`
      : keepFloat.length > 0 && `${keepFloat.join(" and ")} in fp32`,
  ];
  return parts.filter(Boolean).join(", ") || "no change";
}

/**
 * What a compression does, complete: with the parent's digest it reproduces the same bytes. Unless weights go by
 * magnitude, `layers` holds the ratio of every layer, so that no scan is needed.
 */
export const Recipe = Settings.extend({
  calibrationSeed: z.number().int().default(0),
  roundTo: z.number().int().min(1).max(64).default(16),
});
export type Recipe = z.infer<typeof Recipe>;

export const AchievedRatio = z.object({ channels: Fraction, sparsity: Fraction });
export const LayerChange = z.object({
  name: z.string(),
  /** Output channels. */
  before: Count,
  after: Count,
  /** The share of its weights that is zero; as its ratio in a recipe it gives the very same zeros. */
  sparsity: Fraction,
  parameters: Count,
});

/** A version beside the one in the studio, as something to merge with. */
export const MergePartner = z.object({
  number: z.number().int(),
  /** Why it can't be merged; null where it can. */
  reason: z.string().nullable(),
  /** The newest version that both came from; null where there is none. */
  ancestorNumber: z.number().int().nullable(),
  /** On the whole test set of the dataset in the studio; null where it was not measured there. */
  accuracy: Score.nullable(),
});
export type MergePartner = z.infer<typeof MergePartner>;

export const Commit = z.object({
  versionId: Id,
  datasetId: Id,
  settings: Settings,
  note: z.string().trim().max(2000).default(""),
});
/** What the finisher of a compress run needs to know besides the run. */
export const CommitIntent = z.object({ note: z.string(), mergedWithId: Id.nullable().default(null) });
