/** What screens ask of runs. */
import { z } from "zod";
import { Count } from "../platform/atoms";
import { Priority, RunKind, RunState } from "./contract";
import { MAX_COMPARED_RUNS, MAX_METRIC_COLUMNS } from "./list-contract";

export const ListRuns = z.object({
  kinds: z.array(RunKind).min(1).optional(),
  states: z.array(RunState).min(1).optional(),
  modelId: z.string().optional(),
  /** Only those of whoever asks. */
  isMine: z.boolean().default(false),
  /** Only those that this person launched. */
  by: z.string().max(100).optional(),
  /** Words of the title, or a number. */
  query: z.string().max(200).optional(),
  cursor: z.number().int().positive().nullish(),
  limit: z.number().int().min(1).max(100).default(50),
});

/** People name a run by its number in the team. */
const number = z.number().int().positive();
export const GetRun = z.object({ number });
export const RunNumber = z.object({ run: number });

/** Rows of a list. */
export const RunNumbers = z.object({ runs: z.array(number).max(100) });

const metricName = z.string().min(1).max(250);
export const NewestOfRuns = RunNumbers.extend({ names: z.array(metricName).min(1).max(MAX_METRIC_COLUMNS) });

export const MetricsQuery = RunNumber.extend({
  name: metricName,
  /** Steps, both included; the whole run without them. */
  from: Count.optional(),
  to: Count.optional(),
  /** Only the newest so many steps. */
  last: Count.optional(),
  /** At most as many buckets a line: the chart's width in pixels. */
  width: z.number().int().min(10).max(4000).default(800),
  /** One line a rank instead of one for all. */
  byRank: z.boolean().default(false),
});

/** Runs side by side, by their numbers. */
export const CompareRuns = z.object({
  runs: z
    .array(number)
    .min(1)
    .max(MAX_COMPARED_RUNS, `At most ${MAX_COMPARED_RUNS} runs are compared at once; leave some out.`),
});

/** One metric of several runs: over steps, or over the seconds since a run's first point. */
export const CompareMetric = CompareRuns.extend({
  name: metricName,
  over: z.enum(["step", "time"]).default("step"),
  /** At most as many buckets a line; fewer where there are many lines. */
  width: z.number().int().min(10).max(4000).default(460),
});

export const LogLevel = z.enum(["debug", "info", "warning", "error"]);

/** The newest attempt's log unless another is named, of all ranks unless one is. Rank −1 is the driver. */
export const LogOf = RunNumber.extend({
  attempt: z.number().int().positive().optional(),
  rank: z.number().int().min(-1).optional(),
});

/** Lines by their place; the newest ones without it. */
export const LogsQuery = LogOf.extend({
  from: Count.optional(),
  limit: z.number().int().min(1).max(1000).default(500),
});

export const LogSearch = LogOf.extend({
  search: z.string().max(200).optional(),
  /** This level and worse. */
  level: LogLevel.optional(),
  /** Where an earlier answer ended. */
  cursor: Count.nullish(),
  limit: z.number().int().min(1).max(1000).default(200),
});

/** The line of a moment, Unix milliseconds. */
export const LogAt = LogOf.extend({ ts: Count });

/** What is compared rank by rank. */
export const HeatQuery = RunNumber.extend({
  name: z.enum(["train/compute_time", "train/step_time", "train/local_loss"]),
  cells: z.number().int().min(10).max(400).default(120),
});

export const RunById = z.object({ runId: z.string() });
export const CheckpointOfRun = RunById.extend({ checkpointId: z.string() });
/** From its newest checkpoint unless another is named. */
export const ContinueRun = CheckpointOfRun.partial({ checkpointId: true });
export const SetPriority = RunById.extend({ priority: Priority });

/** A tag of a run; `mlflow.note.content` is its note. */
export const TagOfRun = RunNumber.extend({
  key: z
    .string()
    .min(1)
    .max(250)
    .refine((key) => !key.includes("\0"), "a text without NUL"),
});
export const SetRunTag = TagOfRun.extend({ value: z.string().max(8000) });
