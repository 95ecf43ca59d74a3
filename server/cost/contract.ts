/** What was spent, and what may be: the shapes of the Cost page. */
import { z } from "zod";

/** A calendar month in UTC: "2026-11". */
export const Month = z.string().regex(/^\d{4}-(0[1-9]|1[0-2])$/, "a month such as 2026-11");

/** What spending is told by. `work` is a run, a studio session, or the replicas of a version. */
export const SpendBy = z.enum(["work", "person", "version", "pool", "kind"]);
export type SpendBy = z.infer<typeof SpendBy>;
export const SpendSort = z.enum(["cost", "time", "name"]);
export type SpendSort = z.infer<typeof SpendSort>;

export const CostQuery = z.object({
  /** Null: the one that it is. */
  month: Month.nullable(),
});
export const SpendQuery = z.object({
  month: Month.nullable(),
  by: SpendBy,
  sort: SpendSort.default("cost"),
  order: z.enum(["asc", "desc"]).default("desc"),
  cursor: z.number().int().min(0).max(1_000_000).nullish(),
  /** A file of it takes all. */
  limit: z.number().int().min(1).max(10_000).default(50),
});

export const DEFAULT_THRESHOLDS = [50, 80, 100];
export const EditBudget = z.object({
  /** A month, $; null takes the budget away. 0: with a hard cap nothing is launched. */
  amount: z.number().min(0, "not below $0").max(1_000_000_000, "at most $1,000,000,000").nullable(),
  /** Percent of it at which it is told. */
  thresholds: z
    .array(z.number().int("whole percents").min(1, "at least 1%").max(100, "at most 100%"))
    .min(1, "at least one, such as 80")
    .max(5, "at most five")
    .refine((all) => all.every((one, i) => i === 0 || one > (all[i - 1] ?? 0)), "in rising order, each once"),
  isHard: z.boolean(),
  /** The revision that it was made from; 0 where there was none. */
  basedOn: z.number().int().min(0),
});
export type EditBudget = z.infer<typeof EditBudget>;
