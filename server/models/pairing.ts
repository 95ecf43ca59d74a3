/** Two versions on the same samples, from what their evaluations keep: exact, without running either again. */
import type { PairedDifference } from "./contract";

const Z95 = 1.959963984540054;

/** Answers of two versions on one test set. */
export interface Agreement {
  n: number;
  /** Samples that both give the same class, right or wrong. */
  same: number;
}

/**
 * Candidate against baseline; arrays hold a byte for each sample in dataset order, 1 where the answer is right.
 *
 * @throws RangeError when the two are not of one length
 */
export function pairedDifference(baseline: Uint8Array, candidate: Uint8Array): PairedDifference {
  if (baseline.length !== candidate.length)
    throw new RangeError(`${baseline.length} and ${candidate.length} answers cannot be paired.`);
  const n = baseline.length;
  let gained = 0;
  let lost = 0;
  for (let i = 0; i < n; i++) {
    if (candidate[i] === baseline[i]) continue;
    if (candidate[i]) gained += 1;
    else lost += 1;
  }
  return { n, gained, lost, ...interval(n, gained - lost, gained + lost), mcnemarP: mcnemarP(gained, lost) };
}

/**
 * The same of graded scores: a little-endian float32 for each sample.
 *
 * @throws RangeError when the two are not of one length
 */
export function pairedScores(baseline: Buffer, candidate: Buffer): PairedDifference {
  if (baseline.length !== candidate.length || baseline.length % 4 !== 0)
    throw new RangeError(`${baseline.length} and ${candidate.length} bytes of scores cannot be paired.`);
  const n = baseline.length / 4;
  let [gained, lost, sum, squares] = [0, 0, 0, 0];
  for (let at = 0; at < baseline.length; at += 4) {
    const difference = candidate.readFloatLE(at) - baseline.readFloatLE(at);
    if (difference > 0) gained += 1;
    if (difference < 0) lost += 1;
    sum += difference;
    squares += difference * difference;
  }
  return { n, gained, lost, ...interval(n, sum, squares), mcnemarP: null };
}

/**
 * The mean of n differences with its interval: the normal one of these and two more, of +1 and −1. For right and wrong
 * that is Bonett and Price's adjusted Wald interval (2012), as the workers compute it.
 */
function interval(n: number, sum: number, squares: number): { difference: number; halfWidth: number } {
  if (n === 0) return { difference: 0, halfWidth: 1 };
  const variance = (squares + 2) / (n + 2) - (sum / (n + 2)) ** 2;
  return { difference: sum / n, halfWidth: Z95 * Math.sqrt(variance / (n + 2)) };
}

/** Exact two-sided McNemar test: how likely so uneven a split of the differing pairs is by chance. */
export function mcnemarP(gained: number, lost: number): number {
  const m = gained + lost;
  if (m === 0) return 1;
  // Binomial tail in logarithms: ln C(m, i + 1) = ln C(m, i) + ln((m - i) / (i + 1)).
  let logTerm = -m * Math.LN2;
  let tail = Math.exp(logTerm);
  for (let i = 0; i < Math.min(gained, lost); i++) {
    logTerm += Math.log((m - i) / (i + 1));
    tail += Math.exp(logTerm);
  }
  return Math.min(1, 2 * tail);
}

/**
 * How many samples two versions answer alike; little-endian int32 classes in dataset order.
 *
 * @throws RangeError when the two are not of one length
 */
export function agreement(one: Buffer, other: Buffer): Agreement {
  if (one.length !== other.length || one.length % 4 !== 0)
    throw new RangeError(`${one.length} and ${other.length} bytes of answers cannot be compared.`);
  let same = 0;
  for (let at = 0; at < one.length; at += 4) if (one.readInt32LE(at) === other.readInt32LE(at)) same += 1;
  return { n: one.length / 4, same };
}
