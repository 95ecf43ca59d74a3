/** Whether two V2 answers to the same request say the same. Pure. */
import { z } from "zod";

/** Nested or flat, as V2 allows; booleans and strings are compared as they are. */
type Data = readonly (number | boolean | string | Data)[];
const Data: z.ZodType<Data> = z.lazy(() => z.array(z.union([z.number(), z.boolean(), z.string(), Data])));
const Output = z.object({ name: z.string(), datatype: z.string(), shape: z.array(z.number()), data: Data });
type Output = z.infer<typeof Output>;
const Answer = z.object({ outputs: z.array(Output).min(1) });

/** Values up to this far apart are the same: what kernels of two precisions may differ by. */
export const TOLERANCE = 1e-3;

/** Flat data, in row-major order. */
const flat = (data: Data): (number | boolean | string)[] =>
  data.flatMap((item) => (typeof item === "object" ? flat(item) : [item]));

const isScores = ({ datatype, shape }: Output): boolean =>
  shape.length === 2 && (shape[1] ?? 0) > 1 && /^(FP|BF)/.test(datatype);

/**
 * One output of scores, of shape [n, classes], agrees when each row has its maximum at the same class; anything else
 * agrees when no value is further than `TOLERANCE` away. Null where an answer is no JSON of V2: nothing was compared.
 */
export function agrees(answer: Buffer, reference: Buffer): boolean | null {
  const [a, b] = [read(answer), read(reference)];
  if (!a || !b) return null;
  if (a.length !== b.length) return false;
  return b.every((right, i) => {
    const left = a.find((output) => output.name === right.name) ?? a[i];
    if (left?.shape.join() !== right.shape.join()) return false;
    const [x, y] = [flat(left.data), flat(right.data)];
    if (x.length !== y.length) return false;
    return b.length === 1 && isScores(right)
      ? sameClasses(x.map(Number), y.map(Number), right.shape[1] ?? 1)
      : x.every((value, at) => isNear(value, y[at]));
  });
}

function read(body: Buffer): Output[] | null {
  try {
    return Answer.parse(JSON.parse(body.toString("utf8"))).outputs;
  } catch {
    return null;
  }
}

const isNear = (a: number | boolean | string, b: number | boolean | string | undefined): boolean =>
  typeof a === "number" && typeof b === "number" ? Math.abs(a - b) <= TOLERANCE : a === b;

function sameClasses(x: readonly number[], y: readonly number[], classes: number): boolean {
  for (let row = 0; row < x.length; row += classes)
    if (best(x, row, classes) !== best(y, row, classes)) return false;
  return true;
}

function best(values: readonly number[], from: number, count: number): number {
  let top = from;
  for (let i = from; i < from + count; i += 1) if ((values[i] ?? 0) > (values[top] ?? 0)) top = i;
  return top - from;
}
