/** The Pareto front: settings that no other beats in both cost and accuracy. */
export interface Candidate {
  id: string;
  /** Bytes or milliseconds: less is better. */
  cost: number;
  accuracy: number;
}

/** Ids on the front; of settings that are equal in both, the first. */
export function frontOf(candidates: readonly Candidate[]): Set<string> {
  const front = new Set<string>();
  let best = Number.NEGATIVE_INFINITY;
  for (const { id, accuracy } of candidates.toSorted((a, b) => a.cost - b.cost || b.accuracy - a.accuracy)) {
    if (accuracy <= best) continue;
    best = accuracy;
    front.add(id);
  }
  return front;
}
