/** Alerts as screens see them. */
import { z } from "zod";
import { Id } from "../platform/atoms";

export const ListAlerts = z.object({
  /** Of those that are over: the moment the last one seen was resolved, Unix ms. */
  cursor: z.number().int().positive().nullish(),
  limit: z.number().int().min(1).max(100).default(30),
});
export const AlertId = z.object({ alertId: Id });
export const TakeAlert = AlertId.extend({ note: z.string().trim().max(2000).default("") });
export const SilenceAlerts = z.object({
  matches: z
    .string()
    .regex(/^[a-z]+(_[0-9a-z]+)?(:[\w.-]+)?$/, "name a rule, such as slow, or one of its subjects"),
  minutes: z.number("a number is needed").int().min(5, "at least 5 minutes").max(10_080, "at most a week"),
  reason: z.string().trim().min(3, "say why").max(500),
});
export const SilenceId = z.object({ silenceId: Id });
