/** Whether clients of the version that serves can be answered by another: its inputs, and its outputs. Pure. */
import type { TensorSpec } from "../models/contract";
import type { Strategy } from "./rollout-contract";
import { shapeInWords } from "./v2-contract";

interface Tensors {
  inputs: readonly TensorSpec[];
  outputs: readonly TensorSpec[];
}
interface Named extends Tensors {
  /** "v3". */
  name: string;
}

/**
 * The first field of the candidate that would break clients of what serves, with what each has; null where none would.
 * Tensors are told apart by name, as requests do. An input that the candidate leaves open takes what the other takes;
 * of outputs an open dimension says nothing, so it is no difference.
 */
export function breaksClients(candidate: Named, serving: Named): string | null {
  return breaksInputs(candidate, serving) ?? breaksOutputs(candidate, serving);
}

/** As `breaksClients`, where answers reach nobody. */
export const breaksInputs = (candidate: Named, serving: Named): string | null =>
  difference(
    "input",
    candidate,
    serving,
    candidate.inputs,
    serving.inputs,
    (ours, theirs) => ours === null || ours === theirs,
  );

const breaksOutputs = (candidate: Named, serving: Named): string | null =>
  difference(
    "output",
    candidate,
    serving,
    candidate.outputs,
    serving.outputs,
    (ours, theirs) => ours === null || theirs === null || ours === theirs,
  );

/** What a way to move traffic can't bear: weights answer clients with both versions, a shadow asks the same of both. */
export function strategyBreaks(
  strategy: Pick<Strategy, "kind">,
  candidate: Named,
  serving: Named,
): string | null {
  if (strategy.kind === "at_once") return null;
  return strategy.kind === "shadow" ? breaksInputs(candidate, serving) : breaksClients(candidate, serving);
}

function difference(
  what: "input" | "output",
  { name: ours }: Named,
  { name: theirs }: Named,
  candidate: readonly TensorSpec[],
  serving: readonly TensorSpec[],
  fits: (ours: number | null, theirs: number | null) => boolean,
): string | null {
  for (const before of serving) {
    const after = candidate.find(({ name }) => name === before.name);
    if (!after) return `${what} “${before.name}” of ${theirs} is not there in ${ours}`;
    const isFed =
      after.shape.length === before.shape.length &&
      after.shape.every((n, i) => fits(n, before.shape[i] ?? null));
    if (after.dtype !== before.dtype || !isFed)
      return `${what} “${after.name}” is ${typeInWords(after)} in ${ours} and ${typeInWords(before)} in ${theirs}`;
  }
  const added = candidate.find(({ name }) => !serving.some((before) => before.name === name));
  return added ? `${what} “${added.name}” of ${ours} is not there in ${theirs}` : null;
}

const typeInWords = ({ dtype, shape }: TensorSpec): string => `${dtype} ${shapeInWords(shape)}`;
