/** Releases: promotion requests with their gates, what serves in each environment, and the way back. */
import { z } from "zod";
import { Environment } from "../gateway/contract";
import { Id, Sha256, Slug } from "../platform/atoms";
import { Strategy } from "./rollout-contract";
import { GivenTensors } from "./v2-contract";

export { Environment };
/** What an address names; production where it names neither. */
export const environmentNamed = (named: unknown): Environment =>
  named === "staging" ? "staging" : "production";
/** Which lane is meant; production where nobody says. */
export const OfEnvironment = Environment.default("production");

/** `released`: an admin broke the glass; nobody approved. */
export const RequestState = z.enum([
  "measuring",
  "open",
  "approved",
  "released",
  "declined",
  "withdrawn",
  "void",
]);
export type RequestState = z.infer<typeof RequestState>;

export const Gate = z.object({
  id: z.string(),
  /** The rule with its limit. */
  label: z.string(),
  state: z.enum(["pass", "fail", "not_measured"]),
  /** What was found. */
  value: z.string(),
  /** One sentence where it does not pass: what was found, against what. */
  words: z.string(),
  /** Whether approval waits for it. */
  blocks: z.boolean(),
  /** When it passes by itself; null for one that time does not change. */
  until: z.iso.datetime().nullable().default(null),
});
export type Gate = z.infer<typeof Gate>;

const Note = z.string().trim().min(10, "say in a sentence why this should serve").max(4000);
const Sentence = z.string().trim().max(1000);

export const CreateRequest = z.object({
  versionId: Id,
  datasetId: Id,
  note: Note,
  strategy: Strategy.default({ kind: "at_once" }),
});
/** One press: measured like a request for production, released by itself once nothing is in the way. */
export const StageVersion = z.object({ versionId: Id });
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
/** Releases without approvals. `name` is typed by hand: "garment-cls v3". */
export const BreakGlass = z.object({
  number: z.number().int().positive(),
  name: z.string().trim().max(100),
  reason: z.string().trim().min(20, "say why it can't wait, in at least 20 characters").max(1000),
});
export const AddComment = z.object({
  number: z.number().int().positive(),
  body: z.string().trim().min(1, "write something first").max(4000),
});
export const DeleteComment = z.object({ commentId: Id });
/** One's own comment can be taken back for this long; its place stays. */
export const COMMENT_DELETABLE_MS = 600_000;
export const RequestNumber = z.object({ number: z.number().int().positive() });

/** A step back or forward. `from` is what the person saw serving, `key` makes a repeated press harmless. */
export const Switch = z.object({
  modelId: Id,
  environment: OfEnvironment,
  from: Id,
  to: Id.optional(),
  key: z.uuid(),
  reason: Sentence.default(""),
});
export type Switch = z.infer<typeof Switch>;
/** The same in staging alone, for those who may release there. */
export const SwitchStaging = Switch.omit({ environment: true });

export const LaneId = z.object({ modelId: Id, environment: OfEnvironment });

export const LaneName = z.object({ model: z.string().min(1).max(64), environment: OfEnvironment });
export type LaneName = z.infer<typeof LaneName>;
/** A sample's values as the dataset stores them, in the order of the model's input; the server transforms them. */
export const TryIt = z.object({
  modelId: Id,
  environment: OfEnvironment,
  datasetId: Id,
  values: z.array(z.number().finite()).min(1).max(1_000_000),
});
/** One request of the API page. Only a name can be asked, of the team's own models, by the gateway that is configured. */
export const AskModel = z.object({ model: Slug, environment: OfEnvironment, inputs: GivenTensors });
