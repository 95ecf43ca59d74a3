/** What a model takes and gives in terms of the Open Inference Protocol V2: its document, its form and its examples go by this. */
import { z } from "zod";
import type { TensorSpec } from "../models/contract";

export const Datatype = z.enum([
  "BOOL",
  "UINT8",
  "UINT16",
  "UINT32",
  "UINT64",
  "INT8",
  "INT16",
  "INT32",
  "INT64",
  "FP16",
  "FP32",
  "FP64",
  "BYTES",
]);
export type Datatype = z.infer<typeof Datatype>;

/** By the names that inspections have from numpy. */
const OF_DTYPE: Readonly<Record<string, Datatype>> = {
  bool: "BOOL",
  uint8: "UINT8",
  uint16: "UINT16",
  uint32: "UINT32",
  uint64: "UINT64",
  int8: "INT8",
  int16: "INT16",
  int32: "INT32",
  int64: "INT64",
  float16: "FP16",
  float32: "FP32",
  float64: "FP64",
  object: "BYTES",
};

/** Of one value as binary data; null where a length stands before each. */
export const BYTES_EACH: Readonly<Record<Datatype, number | null>> = {
  BOOL: 1,
  UINT8: 1,
  UINT16: 2,
  UINT32: 4,
  UINT64: 8,
  INT8: 1,
  INT16: 2,
  INT32: 4,
  INT64: 8,
  FP16: 2,
  FP32: 4,
  FP64: 8,
  BYTES: null,
};

export interface Range {
  min: number;
  max: number;
}
/** What JSON can carry of a datatype: whole numbers beyond 2^53 are not exact in it. Null: no numbers. */
export function rangeOf(datatype: Datatype): Range | null {
  const bits = (BYTES_EACH[datatype] ?? 0) * 8;
  const exact = Number.MAX_SAFE_INTEGER;
  if (datatype.startsWith("UINT")) return { min: 0, max: Math.min(2 ** bits - 1, exact) };
  if (datatype.startsWith("INT"))
    return { min: Math.max(-(2 ** (bits - 1)), -exact), max: Math.min(2 ** (bits - 1) - 1, exact) };
  const largest = { FP16: 65_504, FP32: 3.4028234663852886e38, FP64: Number.MAX_VALUE }[String(datatype)];
  return largest === undefined ? null : { min: -largest, max: largest };
}
export const isWhole = (datatype: Datatype): boolean => datatype.includes("INT");

export interface V2Tensor {
  name: string;
  datatype: Datatype;
  /** Null marks an open dimension. */
  shape: readonly (number | null)[];
}
export interface Signature {
  inputs: readonly V2Tensor[];
  outputs: readonly V2Tensor[];
}

/** The inputs and outputs of an inspected model; null when V2 can't carry one of them, and so no replica serves it. */
export function signatureOf(found: {
  inputs: readonly TensorSpec[];
  outputs: readonly TensorSpec[];
}): Signature | null {
  const inputs = found.inputs.flatMap(tensorOf);
  const outputs = found.outputs.flatMap(tensorOf);
  const isWholeSignature = inputs.length === found.inputs.length && outputs.length === found.outputs.length;
  return isWholeSignature && inputs.length > 0 ? { inputs, outputs } : null;
}

function tensorOf({ name, dtype, shape }: TensorSpec): V2Tensor[] {
  const datatype = OF_DTYPE[dtype];
  return datatype ? [{ name, datatype, shape: shape.map((n) => (n !== null && n >= 0 ? n : null)) }] : [];
}

export const sizeOf = (shape: readonly number[]): number => shape.reduce((product, n) => product * n, 1);

/** Values of a tensor of which no dimension is open; else null. */
export const staticSize = ({ shape }: V2Tensor): number | null =>
  shape.reduce<number | null>((product, n) => (product === null || n === null ? null : product * n), 1);

/** The smallest shape that fits: open dimensions are 1. */
export const smallestShape = ({ shape }: V2Tensor): number[] => shape.map((n) => n ?? 1);

/** "[-1, 1, 28, 28]", as the protocol's metadata write it. */
export const shapeInWords = (shape: readonly (number | null)[]): string =>
  `[${shape.map((n) => n ?? -1).join(", ")}]`;

/** Values that a form may send in one request. */
export const ASK_MAX_VALUES = 200_000;
const ASK_MAX_LETTERS = 4_000_000;

/** One input of a request, its values flat and in row-major order. */
export const GivenTensor = z.object({
  name: z.string().max(1000),
  datatype: Datatype,
  shape: z.array(z.number().int().nonnegative()).max(32),
  data: z.union([z.array(z.number()), z.array(z.boolean()), z.array(z.string())]),
});
export type GivenTensor = z.infer<typeof GivenTensor>;

export const GivenTensors = z
  .array(GivenTensor)
  .min(1)
  .max(256)
  .refine(
    (inputs) => inputs.reduce((sum, { data }) => sum + data.length, 0) <= ASK_MAX_VALUES,
    `a request from here has at most ${ASK_MAX_VALUES} values; ask from a program`,
  )
  .refine(
    (inputs) => inputs.reduce((sum, { data }) => sum + lettersOf(data), 0) <= ASK_MAX_LETTERS,
    `a request from here has at most ${ASK_MAX_LETTERS} letters; ask from a program`,
  );

function lettersOf(data: GivenTensor["data"]): number {
  let letters = 0;
  for (const value of data) letters += typeof value === "string" ? value.length : 0;
  return letters;
}

/** An input of nothing but zeros, or false, or empty strings. */
export function zerosOf({ name, datatype }: V2Tensor, shape: readonly number[]): GivenTensor {
  const size = sizeOf(shape);
  const data =
    datatype === "BOOL"
      ? Array<boolean>(size).fill(false)
      : datatype === "BYTES"
        ? Array<string>(size).fill("")
        : Array<number>(size).fill(0);
  return { name, datatype, shape: [...shape], data };
}
