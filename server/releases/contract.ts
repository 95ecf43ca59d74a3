/** Releases: promotion requests with their gates, what serves, and the way back. */
import { z } from "zod";
import { type DatasetTask, TASKS } from "../datasets/contract";
import { Id, Sha256 } from "../platform/atoms";
import { Strategy } from "./rollout-contract";

export const Environment = z.enum(["staging", "production"]);
export type Environment = z.infer<typeof Environment>;

export const RequestState = z.enum(["measuring", "open", "approved", "declined", "withdrawn", "void"]);
export type RequestState = z.infer<typeof RequestState>;

/** What a promotion must show. Limits are fractions. */
export const Policy = z.object({
  name: z.string(),
  revision: z.number().int().positive(),
  /** Lower end of the 95% interval of candidate minus production. */
  accuracyFloor: z.number(),
  /** Bytes of the file against those of production. */
  fileRatio: z.number().positive(),
});
export type Policy = z.infer<typeof Policy>;

export const Gate = z.object({
  id: z.enum(["accuracy", "file", "samples", "digest"]),
  /** The rule with its limit. */
  label: z.string(),
  state: z.enum(["pass", "fail", "not_measured"]),
  /** What was found. */
  value: z.string(),
  /** One sentence where it does not pass: what was found, against what. */
  words: z.string(),
  /** Whether approval waits for it. */
  blocks: z.boolean(),
});
export type Gate = z.infer<typeof Gate>;

/** A difference in the words of a task: "−0.51 pt", or "−0.0051" of a figure that is no share. */
export function differenceInWords(task: DatasetTask, fraction: number): string {
  const { isShare } = TASKS[task];
  const text = isShare ? Math.abs(fraction * 100).toFixed(2) : Math.abs(fraction).toFixed(4);
  const sign = Number(text) === 0 ? "" : fraction < 0 ? "−" : "+";
  return `${sign}${text}${isShare ? " pt" : ""}`;
}

/** The limit of the first gate, a digit shorter where that is all of it: "−1.0 pt", "−0.010". */
export const floorInWords = (task: DatasetTask, { accuracyFloor }: Policy): string =>
  differenceInWords(task, accuracyFloor).replace(/0(?= pt$|$)/, "");

/** The first gate's rule: "R², lower bound ≥ −0.010". */
export const accuracyRule = (task: DatasetTask, policy: Policy): string =>
  `${TASKS[task].figure}, lower bound ≥ ${floorInWords(task, policy)}`;

const Note = z.string().trim().min(10, "say in a sentence why this should serve").max(4000);
const Sentence = z.string().trim().max(1000);

export const CreateRequest = z.object({
  versionId: Id,
  datasetId: Id,
  note: Note,
  strategy: Strategy.default({ kind: "at_once" }),
});
/** What the approver saw; an approval is void when any of it changed. */
export const ApproveRequest = z.object({
  number: z.number().int().positive(),
  versionDigest: Sha256,
  evaluationDigest: Sha256,
  policyDigest: Sha256,
  sentence: Sentence.default(""),
});
export const DeclineRequest = z.object({
  number: z.number().int().positive(),
  sentence: Sentence.min(3, "say why in a sentence"),
});
export const RequestNumber = z.object({ number: z.number().int().positive() });

/** A step back or forward. `from` is what the person saw serving, `key` makes a repeated press harmless. */
export const Switch = z.object({
  modelId: Id,
  from: Id,
  to: Id.optional(),
  key: z.uuid(),
  reason: Sentence.default(""),
});
export type Switch = z.infer<typeof Switch>;

export const ModelName = z.object({ model: z.string().min(1).max(64) });
/** A sample's values as the dataset stores them, in the order of the model's input; the server transforms them. */
export const TryIt = z.object({
  modelId: Id,
  datasetId: Id,
  values: z.array(z.number().finite()).min(1).max(1_000_000),
});
