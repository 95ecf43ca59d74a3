/** The protocol between the console and a warm session, and what screens say of sessions. */
import { z } from "zod";
import { DatasetTask } from "../datasets/contract";
import { Figure, Latency, PairedDifference, Score, Sizes } from "../models/contract";
import { Count, Fraction, Id } from "../platform/atoms";
import { AchievedRatio, LayerChange, Settings, Unit } from "./contract";

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
  units: z.array(Unit).default(["channels"]),
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
export const OneSample = z.object({ sessionId: Id, id: Count });

const MAX_REVISION = 2 ** 31 - 1;
/** Which settings are the newest in a session; a higher one ends what is measured of a lower. */
const Revision = z.int().positive().max(MAX_REVISION, `Revisions of a session end at ${MAX_REVISION}.`);
export const EvaluateSettings = z.object({ sessionId: Id, rev: Revision, settings: Settings });
export const Solve = EvaluateSettings.extend({ target: Target });

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
