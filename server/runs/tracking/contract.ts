/** What an MLflow client sends (REST API 2.0), parsed at the door. Unknown fields are ignored, null means unset. */
import { z } from "zod";

const INT64 = 2 ** 63;

/** An int64, as a number or a string. */
const Int64 = z
  .union([
    z.number(),
    z
      .string()
      .regex(/^-?\d{1,19}$/)
      .transform(Number),
  ])
  .refine((n) => Number.isInteger(n) && Math.abs(n) < INT64);

/** A double; NaN and infinities arrive as words, and what overflows a double is refused. */
const Double = z.union([
  z.number(),
  z.enum(["NaN", "Infinity", "-Infinity"]).transform(Number),
  z
    .string()
    .regex(/^-?\d+(\.\d*)?(e[+-]?\d+)?$/i)
    .transform(Number)
    .refine(Number.isFinite),
]);

/** Query strings hold one where a body holds a list. */
const listOf = <T extends z.ZodType>(item: T) => z.union([z.array(item), item.transform((one) => [one])]);
const PageSize = (max: number, usual: number) => Int64.pipe(z.number().min(1).max(max)).default(usual);

/** A run is named by either; `run_uuid` is the older word. */
export const RunRef = z.object({ run_id: z.string().optional(), run_uuid: z.string().optional() });

export const KeyValue = z.object({ key: z.string(), value: z.string().default("") });
export type KeyValue = z.infer<typeof KeyValue>;

/** `timestamp` is Unix milliseconds. */
export const Metric = z.object({
  key: z.string(),
  value: Double,
  timestamp: Int64,
  step: Int64.default(0),
});
export type Metric = z.infer<typeof Metric>;

export const CreateExperiment = z.object({ name: z.string(), tags: z.array(KeyValue).default([]) });
export const GetExperiment = z.object({ experiment_id: z.string() });
export const GetExperimentByName = z.object({ experiment_name: z.string() });
export const AnyExperiment = z.object({ experiment_id: z.string().optional() });
export const SetExperimentTag = KeyValue.extend({ experiment_id: z.string() });

export const CreateRun = z.object({
  run_name: z.string().optional(),
  tags: z.array(KeyValue).default([]),
});
export const RunStatus = z.enum(["RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"]);
export const UpdateRun = RunRef.extend({
  run_name: z.string().optional(),
  status: RunStatus.optional(),
  end_time: Int64.optional(),
});
export const SearchRuns = z.object({
  filter: z.string().max(10_000).default(""),
  run_view_type: z.enum(["ACTIVE_ONLY", "DELETED_ONLY", "ALL"]).default("ACTIVE_ONLY"),
  max_results: PageSize(50_000, 1000),
});

export const LogMetric = RunRef.extend(Metric.shape);
export const LogParam = RunRef.extend(KeyValue.shape);
export const SetTag = RunRef.extend(KeyValue.shape);
export const DeleteTag = RunRef.extend({ key: z.string() });
export const LogBatch = RunRef.extend({
  metrics: z.array(Metric).default([]),
  params: z.array(KeyValue).default([]),
  tags: z.array(KeyValue).default([]),
});
export type LogBatch = z.infer<typeof LogBatch>;

export const LogInputs = RunRef.extend({
  datasets: z
    .array(
      z.object({
        dataset: z.object({
          name: z.string().min(1).max(500),
          digest: z.string().max(36),
          source_type: z.string().default(""),
          source: z.string().default(""),
        }),
        tags: z.array(KeyValue).default([]),
      }),
    )
    .max(100)
    .default([]),
  models: z
    .array(z.object({ model_id: z.string() }))
    .max(100)
    .default([]),
});
export const LogOutputs = RunRef.extend({
  models: z
    .array(z.object({ model_id: z.string(), step: Int64.default(0) }))
    .max(100)
    .default([]),
});
export const LogModel = RunRef.extend({ model_json: z.string() });

export const GetHistory = RunRef.extend({
  metric_key: z.string(),
  max_results: PageSize(50_000, 25_000),
  page_token: z.string().optional(),
});
export const GetHistoryBulk = z.object({
  run_id: listOf(z.string()),
  metric_key: z.string(),
  max_results: PageSize(25_000, 25_000),
});
export const ListArtifacts = RunRef.extend({ path: z.string().default("") });

export const CreateLoggedModel = z.object({
  name: z.string().max(250).optional(),
  model_type: z.string().max(250).default(""),
  source_run_id: z.string().optional(),
  params: z.array(KeyValue).default([]),
  tags: z.array(KeyValue).default([]),
});
export const FinalizeLoggedModel = z.object({
  status: z.enum(["LOGGED_MODEL_PENDING", "LOGGED_MODEL_READY", "LOGGED_MODEL_UPLOAD_FAILED"]),
});
export const SetModelTags = z.object({ tags: z.array(KeyValue).max(1000).default([]) });
export const LogModelParams = z.object({ params: z.array(KeyValue).max(1000).default([]) });
export const SearchModels = z.object({
  filter: z.string().max(10_000).default(""),
  max_results: PageSize(50_000, 100),
  /** How many came before. */
  page_token: z
    .string()
    .regex(/^\d{0,6}$/)
    .default(""),
});
export const ModelFolder = z.object({ artifact_directory_path: z.string().default("") });
