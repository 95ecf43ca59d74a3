/** How the Cost page says things. */
import type { SpendBy } from "@/server/cost/contract";

const inUtc = (at: number, how: Intl.DateTimeFormatOptions) =>
  new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", ...how }).format(at);

/** "November 2026" of "2026-11". */
export const monthName = (month: string): string =>
  inUtc(Date.parse(`${month}-01T00:00:00Z`), { month: "long", year: "numeric" });

/** "21st". @param at Unix ms */
export function dayOfMonth(at: number): string {
  const day = new Date(at).getUTCDate();
  const ending = day % 100 >= 11 && day % 100 <= 13 ? "th" : (["th", "st", "nd", "rd"][day % 10] ?? "th");
  return `${day}${ending}`;
}

/** "28 Nov". @param at Unix ms */
export const dayName = (at: number): string => inUtc(at, { day: "numeric", month: "short" });

export const KINDS: Readonly<Record<string, string>> = {
  train: "Training",
  script: "Scripts",
  session: "Studio sessions",
  compress: "Compression and merges",
  replica: "Serving",
  evaluate: "Evaluations",
  try_batch: "Tried batches",
  inspect_model: "Inspections of models",
  inspect_dataset: "Inspections of datasets",
};

/** What a row without a name of its own is. */
export const NAMELESS: Record<SpendBy, string> = {
  work: "something that is gone",
  person: "Nobody: serving and checks",
  version: "No version",
  pool: "No pool",
  kind: "Other",
};
