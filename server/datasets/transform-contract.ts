/** Applying a dataset's transform to one sample, as workers do (data.normalise). */
import type { Transform } from "./contract";

/**
 * `(x * scale - mean) / std` of one sample's values, in the order of `shape` (without the batch). Lists belong to the
 * columns of a row or the channels of a picture, first or last.
 */
export function transformed(
  values: readonly number[],
  shape: readonly number[],
  { scale, mean, std }: Transform,
): number[] {
  const at = (part: number | number[], index: number): number => {
    if (typeof part === "number") return part;
    const isFirst = shape[0] === part.length;
    const stride = isFirst ? values.length / part.length : 1;
    return part[Math.floor(index / stride) % part.length] ?? Number.NaN;
  };
  return values.map((x, index) => (x * scale - at(mean, index)) / at(std, index));
}
