/** The studio: a recipe, and the protocol between the console and a warm session. */
import { z } from "zod";
import { DatasetTask } from "../datasets/contract";
import { Figure, Latency, PairedDifference, Precision, Score, Sizes } from "../models/contract";
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

/** Dials in words: "soup with 50% of v5, channels 25%, sparsity 40% by sensitivity, int8 static by entropy". */
export function inWords(settings: Settings): string {
  const { channels, sparsity, pattern, precision, calibration, calibrationSamples, keepFloat } =
    effective(settings);
  const { allocation, layers, recovery, merge } = settings;
  const locks = Object.entries(layers);
  const parts = [
    joins(merge) && mergeInWords(merge),
    channels > 0 && `channels ${Math.round(channels * 100)}%`,
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

/** `POST {address}/evaluate`; a higher `rev` cancels a lower one. */
export const EvaluateRequest = z.object({ rev: Count, settings: Settings });
export type EvaluateRequest = z.infer<typeof EvaluateRequest>;

const at = { rev: Count, elapsedMs: z.number() };
/** The settings wait for the sensitivity scan or for recovery; `etaSeconds` is null until a step was measured. */
export const StudioWork = z.object({
  type: z.literal("work"),
  ...at,
  what: z.enum(["scan", "recovery"]),
  done: Count,
  total: Count,
  etaSeconds: z.number().nullable(),
});
/** The settings are built: what was achieved, and what arithmetic says of the bytes. */
export const StudioBuilt = z.object({
  type: z.literal("built"),
  ...at,
  achieved: AchievedRatio,
  layers: z.array(LayerChange),
  sizes: Sizes,
  macs: Count,
});
/** Accuracy so far, on nested samples: a later line holds all samples of an earlier one. */
export const StudioAccuracy = z.object({
  type: z.literal("accuracy"),
  ...at,
  n: Count,
  total: Count,
  accuracy: Score,
  baselineAccuracy: Score,
  paired: PairedDifference,
  figures: z.array(Figure).default([]),
  perClass: z.array(z.object({ label: z.number().int(), gained: Count, lost: Count })),
});
/** What a search is for: its figure is met, and everything else is as good as it gets. */
export const Target = z.discriminatedUnion("goal", [
  /** At most so many points of accuracy lost; as few bytes as possible. */
  z.object({ goal: z.literal("loss"), points: z.number().min(0).max(50) }),
  /** At most so many bytes; as accurate as possible. */
  z.object({
    goal: z.literal("bytes"),
    figure: z.enum(["file", "zstd19"]),
    most: z.number().int().positive(),
  }),
  /** At most so many ms at the median of a batch; as accurate as possible. */
  z.object({
    goal: z.literal("latency"),
    batch: z.union([z.literal(1), z.literal(64)]),
    mostMs: z.number().positive(),
  }),
]);
export type Target = z.infer<typeof Target>;

/** `POST {address}/solve`: finds settings that meet a target, then measures them in full, as `evaluate` does. Locked
 * layers and recovery stay as in `settings`. */
export const SolveRequest = z.object({ rev: Count, target: Target, settings: Settings });
export type SolveRequest = z.infer<typeof SolveRequest>;

/** One step of a search, and what it says of the target. */
export const StudioTried = z.object({
  type: z.literal("tried"),
  ...at,
  settings: Settings,
  holds: z.boolean(),
  /** Samples that decided it; 0 where none was needed. */
  n: Count,
  /** Candidate minus version, and its confidence sequence at 95%: valid whenever the search stopped looking. */
  difference: z.number().nullable(),
  low: z.number().nullable(),
  high: z.number().nullable(),
  sizes: Sizes,
  latencyMs: z.number().nullable(),
});
export type StudioTried = z.infer<typeof StudioTried>;
/** The search is over: these settings are measured next. */
export const StudioSettled = z.object({ type: z.literal("settled"), ...at, settings: Settings });

export const StudioLatency = z.object({ type: z.literal("latency"), ...at, latency: z.array(Latency) });
export const StudioSizes = z.object({ type: z.literal("sizes"), ...at, sizes: Sizes });
/** A sample that is answered otherwise: classes, and what each answer's probability was for both. */
export const ChangedSample = z.object({
  id: Count,
  label: z.number().int(),
  before: z.number().int(),
  after: z.number().int(),
  beforeConfidence: Fraction,
  afterConfidence: Fraction,
});
export type ChangedSample = z.infer<typeof ChangedSample>;
/** A sample that scores otherwise than in the version. */
export const MovedSample = z.object({ id: Count, before: Score, after: Score });
export type MovedSample = z.infer<typeof MovedSample>;
/** Of all samples that are answered otherwise, those whose probabilities moved most. */
export const StudioChanged = z.object({
  type: z.literal("changed"),
  ...at,
  total: Count,
  samples: z.array(ChangedSample),
  /** Of other tasks than single classes: the samples whose score fell most. */
  moved: z.array(MovedSample).default([]),
});
export const StudioDone = z.object({ type: z.literal("done"), ...at });
export const StudioSuperseded = z.object({ type: z.literal("superseded"), rev: Count, by: Count });
export const StudioFailed = z.object({ type: z.literal("failed"), rev: Count, message: z.string() });

/** One line of the NDJSON answer. `elapsedMs` counts from when the settings reached the session. */
export const StudioPartial = z.discriminatedUnion("type", [
  StudioWork,
  StudioTried,
  StudioSettled,
  StudioBuilt,
  StudioAccuracy,
  StudioLatency,
  StudioSizes,
  StudioChanged,
  StudioDone,
  StudioSuperseded,
  StudioFailed,
]);
export type StudioPartial = z.infer<typeof StudioPartial>;

/** A coarse curve measured when a session warms up; the console draws predictions through it, dashed. */
export const PreviewPoint = z.object({
  ratio: Fraction,
  accuracy: Score,
  n: Count,
  sizes: Sizes,
  macs: Count,
});

/**
 * What zeroing the smallest weights of one layer alone does to the answers: the mean KL divergence from the version's
 * own, in nats, on train samples; of numbers and of outputs without labels their squared change over their variance.
 */
export const SensitivityCurve = z.object({
  name: z.string(),
  ratios: z.array(Fraction),
  kl: z.array(z.number().nonnegative()),
});
/** How far the scan is, in steps of one ratio of one layer; `layers` is empty until it is done. */
export const Sensitivity = z.object({ done: Count, total: Count, layers: z.array(SensitivityCurve) });

/** `GET {address}/baseline`: the version itself, measured by the session that holds it. */
export const StudioBaseline = z.object({
  sessionId: Id,
  n: Count,
  task: DatasetTask.default("classification"),
  accuracy: Score,
  halfWidth: z.number(),
  figures: z.array(Figure).default([]),
  sizes: Sizes,
  macs: Count,
  parameters: Count,
  latency: z.array(Latency),
  layers: z.array(LayerChange),
  /** Ratios at which the channel dial lands after rounding, ascending, starting at 0. Empty: channels can't be pruned. */
  channelStops: z.array(Fraction),
  /** What the channel dial removes. */
  units: z.array(z.enum(["channels", "heads", "neurons"])).default(["channels"]),
  /** Dials that do nothing on this version; with an `option`, just this one of its choices. */
  unavailable: z.array(
    z.object({
      dial: z.enum(["channels", "sparsity", "pattern", "recovery", "precision", "merge"]),
      option: z.string().nullable().default(null),
      reason: z.string(),
    }),
  ),
  /** Layers whose inputs the pattern does not fit; they stay as they are. */
  patternUnfit: z.array(z.string()).default([]),
  preview: z.object({ channels: z.array(PreviewPoint), sparsity: z.array(PreviewPoint) }),
  sensitivity: Sensitivity,
});
export type StudioBaseline = z.infer<typeof StudioBaseline>;

// --- what screens say of sessions ------------------------------------------------------------------------------

export const OpenSession = z.object({ versionId: Id, datasetId: Id });
export const Solve = z.object({
  sessionId: Id,
  rev: z.number().int().positive(),
  target: Target,
  settings: Settings,
});
export const OneSample = z.object({ sessionId: Id, id: Count });
export const EvaluateSettings = z.object({
  sessionId: Id,
  rev: z.number().int().positive(),
  settings: Settings,
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

/** What was measured of one setting: the last line of each type that the session said. */
export const Measured = z.object({
  built: StudioBuilt.optional(),
  accuracy: StudioAccuracy,
  latency: StudioLatency.optional(),
  sizes: StudioSizes.optional(),
  changed: StudioChanged.optional(),
});
export type Measured = z.infer<typeof Measured>;

/** A setting that was measured, as history and charts show it. */
export const Measurement = z.object({
  id: z.string(),
  settings: Settings,
  measured: Measured,
  n: Count,
  createdAt: z.date(),
});
export type Measurement = z.infer<typeof Measurement>;

/** Fewer samples than this say too little to be kept once a newer setting took over. */
export const KEEP_FROM_N = 250;

export const Commit = z.object({
  versionId: Id,
  datasetId: Id,
  settings: Settings,
  note: z.string().trim().max(2000).default(""),
});
/** What the finisher of a compress run needs to know besides the run. */
export const CommitIntent = z.object({ note: z.string(), mergedWithId: Id.nullable().default(null) });
