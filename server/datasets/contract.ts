/** Datasets: versioned samples, as people upload them and as workers read them. */
import { z } from "zod";
import { Count, Id, Refusal, Sha256, Slug } from "../platform/atoms";

export const DatasetFileRole = z.enum(["data", "data_test", "x", "y", "x_test", "y_test"]);
export const DatasetFormat = z.enum(["npz", "idx", "csv", "parquet", "images"]);
export type DatasetFormat = z.infer<typeof DatasetFormat>;

/**
 * One stored file of a dataset: `data` holds samples and labels (an NPZ, a table, a zip of pictures) and `data_test`
 * those of the test part (a second table); IDX files hold one array each.
 */
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

const perPart = z.array(z.number()).min(1).max(4096);
const perPartPositive = z.array(z.number().positive()).min(1).max(4096);

/** What a model is fed: `(x * scale - mean) / std`; a list has one value for each column or channel of a sample. */
export const Transform = z.object({
  scale: z.number().positive().default(1),
  mean: z.union([z.number(), perPart]).default(0),
  std: z.union([z.number().positive(), perPartPositive]).default(1),
});
export type Transform = z.infer<typeof Transform>;

const ColumnName = z.string().min(1).max(200);

/** How a table's columns become samples; null leaves the choice to the check. */
export const TableMapping = z.object({
  label: ColumnName.nullable().default(null),
  /** In the order a model is fed; null takes every column of numbers but the label. */
  features: z.array(ColumnName).min(1).max(4096).nullable().default(null),
  /** Scales each column by mean and deviation of the train part. */
  standardise: z.boolean().default(true),
  /** The column whose values name the slices that evaluations are told apart by; null for none. */
  slice: ColumnName.nullable().default(null),
});
export type TableMapping = z.infer<typeof TableMapping>;

/**
 * What a dataset asks of a model: one class, any of several labels, numbers, a class for each token, or, without
 * labels, to answer as another model does.
 */
export const DatasetTask = z.enum(["classification", "multilabel", "regression", "tokens", "unlabelled"]);
export type DatasetTask = z.infer<typeof DatasetTask>;

/** Everything a worker needs to open a dataset. */
export const DatasetRef = z.object({
  datasetId: Id,
  name: z.string(),
  files: z.array(DatasetFile).min(1).max(4),
  split: Split,
  transform: Transform,
  task: DatasetTask.default("classification"),
});
export type DatasetRef = z.infer<typeof DatasetRef>;

export const ClassBalance = z.object({ label: z.number().int(), train: Count, test: Count });
/** How the values to be predicted are distributed: bins of equal width from min to max. */
export const ValueBalance = z.object({
  min: z.number(),
  max: z.number(),
  mean: z.number(),
  std: z.number(),
  bins: z.array(z.object({ train: Count, test: Count })),
});
/** A subset that the files name: `slice` in an NPZ, or a column of a table. */
export const SliceBalance = z.object({ name: z.string(), train: Count, test: Count });
export const SamplePreview = z.object({
  sampleId: Count,
  /** 0 where a sample has no class of its own. */
  label: z.number().int(),
  /** A PNG, base64. */
  png: z.string(),
});
/** The first numbers of a sample that is no picture, and of its labels, as they stand in the file. */
export const SampleRow = z.object({
  sampleId: Count,
  values: z.array(z.number()),
  label: z.array(z.number()),
});

/** A column of a table; nulls where the values are no numbers, or too many to count. */
export const TableColumn = z.object({
  name: z.string(),
  type: z.enum(["int", "float", "bool", "text", "other"]),
  min: z.number().nullable(),
  max: z.number().nullable(),
  mean: z.number().nullable(),
  distinct: Count.nullable(),
  missing: Count,
});
export type TableColumn = z.infer<typeof TableColumn>;

/** What a table was before its columns became samples: shown, and kept as the mapping in force. */
export const TableReport = z.object({
  columns: z.array(TableColumn),
  /** The first rows as text. */
  rows: z.array(z.array(z.string())),
  mapping: TableMapping,
});

/** Samples that are equal byte for byte. */
export const Leakage = z.object({
  /** Test samples that are in the train part too. */
  between: Count,
  /** The first of them: train id, test id. */
  pairs: z.array(z.object({ train: Count, test: Count })),
  /** Train samples that repeat an earlier one. */
  repeated: Count,
  /** Samples of either kind whose label differs from that of their equal. */
  conflicting: Count,
});

/** What the check of a dataset found; `problems` hold warnings, never reasons for refusal. */
export const DatasetReport = z.object({
  n: Count,
  train: Count,
  test: Count,
  shape: z.array(Count),
  dtype: z.string(),
  task: DatasetTask.default("classification"),
  /** Of the labels of one sample; empty where it has one class, or none. */
  labelShape: z.array(Count).default([]),
  /** Samples of each class, samples that have each label, or tokens of each class; none of numbers. */
  classes: z.array(ClassBalance),
  /** Of each value to be predicted. */
  values: z.array(ValueBalance).default([]),
  /** At most 100; a sample without a name is in none. */
  slices: z.array(SliceBalance).default([]),
  transform: Transform,
  problems: z.array(Refusal),
  previews: z.array(SamplePreview),
  /** Of samples that are no pictures. */
  rows: z.array(SampleRow).default([]),
  /** Null in reports from before it was looked for. */
  leakage: Leakage.nullable().default(null),
  table: TableReport.nullable().default(null),
  /** Names of the classes where the files say them. */
  labels: z.array(z.string()).default([]),
  /** Where the files decide how samples divide. */
  split: Split.nullable().default(null),
  /** The samples as arrays, for files that workers do not read in place; empty where they do. */
  prepared: z.array(DatasetFile).default([]),
});
export type DatasetReport = z.infer<typeof DatasetReport>;

// --- what screens and other slices say of datasets -------------------------------------------------------------

export const ListDatasets = z.object({
  query: z.string().trim().max(100).default(""),
  cursor: z.string().max(80).nullish(),
  limit: z.number().int().min(1).max(100).default(50),
});

/** Finished uploads become a dataset: one file with samples and labels, or IDX files; with or without a test part. */
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
    /** Of a table; null for other files, and where the check shall choose. */
    mapping: TableMapping.nullable().default(null),
    /** Null takes what the labels look like. */
    task: DatasetTask.nullable().default(null),
    /** A version that a test batch is tried on once the check has passed. */
    tryOn: Id.nullable().default(null),
    /** Names of the classes 0, 1, …; empty takes those that the files say, else shows the numbers. */
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
  if (given === "x y" || given === "x")
    return split === "seeded" ? null : "without test files the split must be drawn by a seed";
  if (given === "x x_test y y_test" || given === "x x_test" || given === "data data_test")
    return split === "files" ? null : "with test files of its own the split must be by files";
  return "give one file with samples and labels (NPZ, CSV, Parquet, a zip of pictures), two tables, or IDX files for x and y with or without a test pair; without labels x alone";
}

const SUFFIXES: [RegExp, DatasetFormat][] = [
  [/\.npz$/i, "npz"],
  [/\.(csv|tsv|txt)$/i, "csv"],
  [/\.(parquet|pq)$/i, "parquet"],
  [/\.zip$/i, "images"],
];

/** What a file's name says of its format; null when it says nothing. */
export const formatOfName = (filename: string): DatasetFormat | null =>
  SUFFIXES.find(([suffix]) => suffix.test(filename))?.[1] ?? null;

const holdsBoth = (role: string): boolean => role.startsWith("data");
const isTable = (format: DatasetFormat): boolean => format === "csv" || format === "parquet";

/** The format that a file is read in, by its role and name. */
export const formatOf = (role: z.infer<typeof DatasetFileRole>, filename: string): DatasetFormat =>
  holdsBoth(role) ? (formatOfName(filename) ?? "npz") : "idx";

/** What is wrong with the formats of files whose roles are right, or null. */
export function formatsProblem(
  files: readonly Pick<DatasetFile, "role" | "format">[],
  split: "files" | "seeded",
) {
  const formats = new Set(files.map((file) => file.format));
  const [format] = formats;
  if (!files.some((file) => holdsBoth(file.role)) || !format) return null;
  if (files.length === 2)
    return formats.size === 1 && isTable(format)
      ? null
      : "a test part in a file of its own needs two CSV files or two Parquet files";
  if (isTable(format) && split === "files") return "one table has no test part: draw the split by a seed";
  return null;
}

// --- tasks in words --------------------------------------------------------------------------------------------

interface Words {
  /** "multi-label". */
  name: string;
  /** Mean score of a model: "Accuracy", "R²". */
  figure: string;
  /** Whether the figure is a share, told in percent and points; else it is a plain number. */
  isShare: boolean;
  /** One right or wrong part of the answers; null where they are numbers. */
  part: string | null;
}

export const TASKS: Record<DatasetTask, Words> = {
  classification: { name: "single class", figure: "Accuracy", isShare: true, part: "class" },
  multilabel: { name: "multi-label", figure: "Labels right", isShare: true, part: "label" },
  regression: { name: "regression", figure: "R²", isShare: false, part: null },
  tokens: { name: "token classes", figure: "Tokens right", isShare: true, part: "class" },
  unlabelled: { name: "no labels", figure: "Cosine fidelity", isShare: false, part: null },
};

/** What labels ask for: "10 classes", "3 values", "12 tokens of 5 classes". */
export function asked({
  task,
  classes,
  labelShape,
}: Pick<DatasetReport, "task" | "labelShape" | "classes">): string {
  const many = (n: number, one: string, more: string) => `${n} ${n === 1 ? one : more}`;
  switch (task) {
    case "classification":
      return many(classes.length, "class", "classes");
    case "multilabel":
      return many(labelShape[0] ?? 0, "label", "labels");
    case "regression":
      return many(labelShape[0] ?? 0, "value", "values");
    case "tokens":
      return `${labelShape[0]} tokens of ${many(classes.length, "class", "classes")}`;
    case "unlabelled":
      return "no labels";
  }
}
