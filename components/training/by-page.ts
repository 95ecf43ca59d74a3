/** What rows of the list show besides themselves is asked for page by page, after the rows. */
import type { RunRow } from "./types";

export type Pages = readonly (readonly RunRow[])[];

export const numbersOf = (rows: readonly RunRow[]): number[] => rows.map(({ number }) => number);

/** The answers of all pages, by the number of their run. */
export const byRun = <T extends { run: number }>(
  answers: readonly { data?: readonly T[] | undefined }[],
): ReadonlyMap<number, T> =>
  new Map(answers.flatMap(({ data }) => data ?? []).map((answer) => [answer.run, answer]));
