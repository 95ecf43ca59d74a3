/** Models, and their immutable versions with lineage and evaluations. */
import { sql } from "drizzle-orm";
import {
  type AnyPgColumn,
  bigint,
  check,
  doublePrecision,
  index,
  integer,
  jsonb,
  pgTable,
  smallint,
  text,
  uniqueIndex,
} from "drizzle-orm/pg-core";
import { createdAt, id, moment } from "./columns";
import { dataset } from "./datasets";
import { team } from "./identity";
import { blob } from "./platform";

export const model = pgTable(
  "model",
  {
    id: id(),
    teamId: text("team_id")
      .notNull()
      .references(() => team.id),
    name: text("name").notNull(),
    task: text("task").notNull().default("classification"),
    description: text("description").notNull().default(""),
    createdBy: text("created_by"),
    createdAt: createdAt(),
    updatedAt: moment("updated_at").notNull().defaultNow(),
    nextNumber: integer("next_number").notNull().default(1),
  },
  (t) => [uniqueIndex().on(t.teamId, t.name), index().on(t.teamId, t.updatedAt)],
);

export const version = pgTable(
  "version",
  {
    id: id(),
    teamId: text("team_id")
      .notNull()
      .references(() => team.id),
    modelId: text("model_id")
      .notNull()
      .references(() => model.id),
    number: integer("number").notNull(),
    /** sha256 of the ONNX file: the version's digest. */
    digest: text("digest")
      .notNull()
      .references(() => blob.sha256),
    bytes: bigint("bytes", { mode: "number" }).notNull(),
    /** The trainable fp32 graph; the digest again where nothing was quantized. */
    floatDigest: text("float_digest")
      .notNull()
      .references(() => blob.sha256),
    filename: text("filename").notNull(),
    state: text("state", { enum: ["inspecting", "ready", "refused", "failed"] }).notNull(),
    origin: text("origin", { enum: ["upload", "sample", "compress", "train", "script"] }).notNull(),
    parentId: text("parent_id").references((): AnyPgColumn => version.id),
    /** The other parent, of a merge. */
    mergedWithId: text("merged_with_id").references((): AnyPgColumn => version.id),
    /** What made it out of its parent. */
    recipe: jsonb("recipe"),
    runId: text("run_id"),
    tier: smallint("tier"),
    inspection: jsonb("inspection"),
    refusal: jsonb("refusal"),
    sizes: jsonb("sizes"),
    provenance: jsonb("provenance"),
    note: text("note").notNull().default(""),
    createdBy: text("created_by"),
    createdAt: createdAt(),
  },
  (t) => [
    uniqueIndex().on(t.modelId, t.number),
    index().on(t.teamId, t.createdAt),
    check("version_tier", sql`tier between 1 and 4`),
  ],
);

export const evaluation = pgTable(
  "evaluation",
  {
    id: id(),
    teamId: text("team_id")
      .notNull()
      .references(() => team.id),
    versionId: text("version_id")
      .notNull()
      .references(() => version.id),
    datasetId: text("dataset_id")
      .notNull()
      .references(() => dataset.id),
    baselineVersionId: text("baseline_version_id").references(() => version.id),
    runId: text("run_id").notNull(),
    accuracy: doublePrecision("accuracy").notNull(),
    n: integer("n").notNull(),
    /** An `EvaluationResult`. */
    result: jsonb("result").notNull(),
    /** sha256 of its canonical JSON; approvals bind to it. */
    digest: text("digest").notNull(),
    createdAt: createdAt(),
  },
  (t) => [index().on(t.versionId, t.createdAt), index().on(t.teamId)],
);
