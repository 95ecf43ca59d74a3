/** Long computations in a process that serves: everybody's requests wait for as long as one of them holds its loop. */
import { setImmediate } from "node:timers/promises";

/** Far below what a person feels, and long against what a turn of the loop costs. */
const SLICE_MS = 10;

interface How {
  sliceMs?: number;
  /** Milliseconds. */
  clock?: () => number;
  /** Lets others go on. */
  rest?: () => Promise<unknown>;
}

/**
 * Runs what gives way between its steps to the end, and lets others go on whenever its steps took a slice of time.
 *
 * @returns what it returns
 */
export async function inSlices<T>(
  steps: Iterator<void, T>,
  { sliceMs = SLICE_MS, clock = () => performance.now(), rest = () => setImmediate() }: How = {},
): Promise<T> {
  let began = clock();
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
    if (clock() - began < sliceMs) continue;
    await rest();
    began = clock();
  }
}
