/** Several values in a field of a launch make a sweep: every combination of them is a run of its own. Pure. */

/** What a sweep varies, with how it is said. */
export const SWEPT = { epochs: "epochs", globalBatch: "batch", lr: "lr", seed: "seed" } as const;
export type Swept = keyof typeof SWEPT;
export type Setting = Record<Swept, number>;
export const MAX_SWEEP = 64;

const names = Object.keys(SWEPT) as Swept[];

/** "0.001, 0.01": these, each once; "0..4": the whole numbers from 0 to 4. What is no number is NaN. */
export function valuesOf(typed: string): number[] {
  const parts = typed.split(/[,;\s]+/).filter(Boolean);
  return [...new Set(parts.length > 0 ? parts.flatMap(partOf) : [Number.NaN])];
}

function partOf(part: string): number[] {
  const range = /^(\d{1,9})\.\.(\d{1,9})$/.exec(part);
  if (!range) return [Number(part)];
  const [from, to] = [Number(range[1]), Number(range[2])];
  // One too many is enough to be refused.
  const n = Math.min(to - from + 1, MAX_SWEEP + 1);
  return n > 0 ? Array.from({ length: n }, (_, i) => from + i) : [Number.NaN];
}

/** Every value of each with every one of the others, as they were typed; one where nothing is swept. */
export const combinations = (typed: Record<Swept, string>): Setting[] =>
  names.reduce<Partial<Setting>[]>(
    (found, name) =>
      found.flatMap((setting) => valuesOf(typed[name]).map((value) => ({ ...setting, [name]: value }))),
    [{}],
  ) as Setting[];

/** "lr 0.01, seed 2": of each setting what it does not share with all the others. */
export function differences(settings: readonly Setting[]): string[] {
  const swept = names.filter((name) => new Set(settings.map((setting) => setting[name])).size > 1);
  return settings.map((setting) => swept.map((name) => `${SWEPT[name]} ${setting[name]}`).join(", "));
}
