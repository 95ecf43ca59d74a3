/** What somebody types into a form, and what is told of it. Pure. */
import type { z } from "zod";

const GROUPED = /^[+-]?\d{1,3}(,\d{3})+(\.\d+)?$/;
const PLAIN = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/** A number as it is typed or copied from a screen, "1,500" or "0.5"; NaN for anything else, so that nothing typed is not zero. */
export function readNumber(text: string): number {
  const typed = text.trim().replace("−", "-");
  if (GROUPED.test(typed)) return Number(typed.replaceAll(",", ""));
  return PLAIN.test(typed) ? Number(typed) : Number.NaN;
}

/** What is wrong with a field in words; what is no number at all is said to be none. */
export const issueSays = (
  issue: Pick<z.core.$ZodIssue, "message"> & { code?: string; expected?: string },
): string =>
  issue.code === "invalid_type" && issue.expected === "number" ? "a number is needed" : issue.message;
