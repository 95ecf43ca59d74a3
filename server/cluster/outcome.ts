/** What came of a decision. Pure. */

/** Seconds from a decision until its nodes were there, and until work ran on one of them; null while it did not. */
export function timesOf(row: { at: Date; achievedAt: Date | null; usefulAt: Date | null }) {
  const seconds = (until: Date | null) => until && (until.getTime() - row.at.getTime()) / 1000;
  return { achievedSeconds: seconds(row.achievedAt), usefulSeconds: seconds(row.usefulAt) };
}

/** $ that nodes cost together; null without nodes, or where one has no price. */
export function costOf(costs: readonly (number | null)[]): number | null {
  if (costs.length === 0) return null;
  return costs.reduce((sum, cost) => (sum === null || cost === null ? null : sum + cost), 0);
}
