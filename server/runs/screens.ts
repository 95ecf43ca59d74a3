/** What screens ask of runs. */
import { z } from "zod";
import { Count } from "../platform/atoms";
import { RunKind, RunState } from "./contract";

export const ListRuns = z.object({
  kinds: z.array(RunKind).min(1).optional(),
  states: z.array(RunState).min(1).optional(),
  modelId: z.string().optional(),
  /** Words of the title, or a number. */
  query: z.string().max(200).optional(),
  cursor: z.number().int().positive().nullish(),
  limit: z.number().int().min(1).max(100).default(50),
});

/** People name a run by its number in the team. */
const number = z.number().int().positive();
export const GetRun = z.object({ number });
export const RunNumber = z.object({ run: number });

export const MetricsQuery = RunNumber.extend({
  name: z.string().min(1).max(200),
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

export const LogLevel = z.enum(["debug", "info", "warning", "error"]);

/** Where a page of a log ends: a stored chunk and a line in it. */
export const LogCursor = z.string().regex(/^\d{1,19}\.-?\d{1,9}$/);

export const LogsQuery = RunNumber.extend({
  attempt: z.number().int().positive().optional(),
  rank: z.number().int().min(-1).optional(),
  search: z.string().max(200).optional(),
  /** This level and worse. */
  level: LogLevel.optional(),
  /** Where an earlier page ended; without it from the beginning, or from the end when reading backwards. */
  cursor: LogCursor.nullish(),
  backwards: z.boolean().default(false),
  limit: z.number().int().min(1).max(1000).default(200),
});

export const StopRun = z.object({ runId: z.string() });
