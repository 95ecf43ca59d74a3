/** The Pareto front: settings that no other beats in both size and accuracy. */
export interface Candidate {
  id: string;
  bytes: number;
  accuracy: number;
}

/** Ids on the front; of settings that are equal in both, the first. */
export function frontOf(candidates: readonly Candidate[]): Set<string> {
  const front = new Set<string>();
  let best = Number.NEGATIVE_INFINITY;
  for (const { id, accuracy } of candidates.toSorted(
    (a, b) => a.bytes - b.bytes || b.accuracy - a.accuracy,
  )) {
    if (accuracy <= best) continue;
    best = accuracy;
    front.add(id);
  }
  return front;
}
