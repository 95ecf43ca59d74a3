/** Datasets: versioned samples, as people upload them and as workers read them. */
import { z } from "zod";
import { Count, Id, Refusal, Sha256, Slug } from "../platform/atoms";

export const DatasetFileRole = z.enum(["data", "x", "y", "x_test", "y_test"]);
export const DatasetFormat = z.enum(["npz", "idx"]);

/** One stored file of a dataset: an NPZ holds both arrays (`data`); IDX files hold one array each. */
export const DatasetFile = z.object({
  role: DatasetFileRole,
  format: DatasetFormat,
  sha256: Sha256,
  bytes: Count,
  name: z.string(),
});
export type DatasetFile = z.infer<typeof DatasetFile>;

/** How samples divide into train and test: by the files given, or drawn by a seed and stratified by class. */
export const Split = z.object({
  kind: z.enum(["files", "seeded"]),
  seed: z.number().int().default(0),
  testFraction: z.number().min(0.05).max(0.5).default(0.2),
});
export type Split = z.infer<typeof Split>;

/** What a model is fed: `(x * scale - mean) / std`. */
export const Transform = z.object({
  scale: z.number().positive().default(1),
  mean: z.number().default(0),
  std: z.number().positive().default(1),
});
export type Transform = z.infer<typeof Transform>;

/** Everything a worker needs to open a dataset. */
export const DatasetRef = z.object({
  datasetId: Id,
  name: z.string(),
  files: z.array(DatasetFile).min(1).max(4),
  split: Split,
  transform: Transform,
});
export type DatasetRef = z.infer<typeof DatasetRef>;

export const ClassBalance = z.object({ label: z.number().int(), train: Count, test: Count });
export const SamplePreview = z.object({
  sampleId: Count,
  label: z.number().int(),
  /** A PNG, base64. */
  png: z.string(),
});

/** What the check of a dataset found; `problems` hold warnings, never reasons for refusal. */
export const DatasetReport = z.object({
  n: Count,
  train: Count,
  test: Count,
  shape: z.array(Count),
  dtype: z.string(),
  classes: z.array(ClassBalance),
  transform: Transform,
  problems: z.array(Refusal),
  previews: z.array(SamplePreview),
});
export type DatasetReport = z.infer<typeof DatasetReport>;

// --- what screens and other slices say of datasets -------------------------------------------------------------

export const ListDatasets = z.object({
  query: z.string().trim().max(100).default(""),
  cursor: z.string().max(80).nullish(),
  limit: z.number().int().min(1).max(100).default(50),
});

/** Finished uploads become a dataset: one NPZ, or IDX files for `x` and `y` with or without a test pair. */
export const CreateDataset = z
  .object({
    name: Slug,
    files: z
      .array(z.object({ uploadId: Id, role: DatasetFileRole }))
      .min(1)
      .max(4),
    split: Split,
    /** Null takes what the check finds fitting. */
    transform: Transform.nullable().default(null),
    /** Names of the classes 0, 1, …; empty shows the numbers. */
    labels: z.array(z.string().trim().min(1).max(60)).max(1000).default([]),
  })
  .superRefine(({ files, split }, issues) => {
    const problem = rolesProblem(
      files.map((file) => file.role),
      split.kind,
    );
    if (problem) issues.addIssue({ code: "custom", path: ["files"], message: problem });
  });
export type CreateDataset = z.infer<typeof CreateDataset>;

/** What is wrong with a set of roles, or null: shared by the form and the server. */
export function rolesProblem(roles: readonly z.infer<typeof DatasetFileRole>[], split: "files" | "seeded") {
  const given = [...roles].sort().join(" ");
  if (new Set(roles).size < roles.length) return "give each file a role of its own";
  if (given === "data") return null;
  if (given === "x y")
    return split === "seeded" ? null : "without test files the split must be drawn by a seed";
  if (given === "x x_test y y_test")
    return split === "files" ? null : "with test files of its own the split must be by files";
  return "give one NPZ file, or IDX files for x and y, or those and a test pair";
}
