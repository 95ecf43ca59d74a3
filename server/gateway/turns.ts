/**
 * Whose turn it is, by weight and without chance: smooth weighted round robin (as in nginx). Over any sum of the
 * weights each is taken exactly its weight times, spread as evenly as possible.
 */
export class Turns {
  private readonly credit: number[];
  private readonly total: number;

  /** @param weights non-negative, at least one above 0 */
  constructor(readonly weights: readonly number[]) {
    this.credit = weights.map(() => 0);
    this.total = weights.reduce((a, b) => a + b, 0);
  }

  /** The index of the next; never one of weight 0. */
  next(): number {
    let best = -1;
    for (let i = 0; i < this.weights.length; i += 1) {
      const weight = this.weights[i] ?? 0;
      const credit = (this.credit[i] ?? 0) + weight;
      this.credit[i] = credit;
      if (weight > 0 && (best < 0 || credit > (this.credit[best] ?? 0))) best = i;
    }
    this.credit[best] = (this.credit[best] ?? 0) - this.total;
    return best;
  }

  /** The same turns, going on, where the weights are the same; else new ones. */
  static of(weights: readonly number[], before: Turns | undefined): Turns {
    const isSame =
      before?.weights.length === weights.length && weights.every((w, i) => w === before.weights[i]);
    return before && isSame ? before : new Turns(weights);
  }
}
