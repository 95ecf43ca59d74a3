/** Rows from one to another, both included, in whichever order; only `to` where `from` is not among them. */
export function between<Row extends { id: string }>(
  rows: readonly Row[],
  from: string | null,
  to: string,
): Row[] {
  const end = rows.findIndex((row) => row.id === to);
  const found = rows.findIndex((row) => row.id === from);
  const start = found < 0 ? end : found;
  return end < 0 ? [] : rows.slice(Math.min(start, end), Math.max(start, end) + 1);
}
