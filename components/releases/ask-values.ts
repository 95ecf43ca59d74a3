/** What stands in the fields of one input, as the tensor that is sent; what is wrong is said as a replica would. */
import {
  ASK_MAX_VALUES,
  type Datatype,
  GivenTensor,
  isWhole,
  rangeOf,
  shapeInWords,
  sizeOf,
  smallestShape,
  type V2Tensor,
  zerosOf,
} from "@/server/releases/v2-contract";

export interface Fields {
  shape: string;
  data: string;
}
export type Reading =
  | { isRight: true; tensor: GivenTensor }
  | { isRight: false; field: keyof Fields; problem: string };

const SHOWN_DIGITS = 4;

/** Fields that fit: the smallest shape, all zeros; empty where that is more than a form may send. */
export function zeroFields(tensor: V2Tensor, shape: readonly number[] = smallestShape(tensor)): Fields {
  const isLarge = sizeOf(shape) > ASK_MAX_VALUES;
  return {
    shape: `[${shape.join(", ")}]`,
    data: isLarge
      ? ""
      : `[${zerosOf(tensor, shape)
          .data.map((v) => JSON.stringify(v))
          .join(", ")}]`,
  };
}

/** Numbers as a field holds them: four digits each. */
export const asData = (values: readonly number[]): string =>
  `[${values.map((v) => Number(v.toPrecision(SHOWN_DIGITS))).join(", ")}]`;

/** Reads both fields of an input. */
export function readFields(tensor: V2Tensor, fields: Fields): Reading {
  const wrong = (field: keyof Fields, problem: string): Reading => ({ isRight: false, field, problem });
  const shape = parsed(fields.shape);
  if (!isShape(shape)) return wrong("shape", "Write a list of whole numbers from 1, such as [1, 3].");
  const fits =
    shape.length === tensor.shape.length && tensor.shape.every((n, axis) => n === null || n === shape[axis]);
  if (!fits) return wrong("shape", `Expected ${shapeInWords(tensor.shape)} (-1: any).`);
  const data = parsed(fields.data);
  if (!Array.isArray(data)) return wrong("data", `Write a JSON list of ${tensor.datatype} values.`);
  const flat = flattened(data, shape);
  if (!flat)
    return wrong("data", `Nested lists must have the shape ${shapeInWords(shape)}; or write one flat list.`);
  const size = sizeOf(shape);
  if (flat.length !== size)
    return wrong("data", `The shape takes ${size} values, this list holds ${flat.length}.`);
  if (size > ASK_MAX_VALUES) return wrong("data", `More than ${ASK_MAX_VALUES} values: ask from a program.`);
  const at = flat.findIndex((value) => !isOf(tensor.datatype, value));
  if (at !== -1) {
    return wrong("data", `Value ${at} is ${JSON.stringify(flat[at])}; expected ${inWords(tensor.datatype)}.`);
  }
  const { name, datatype } = tensor;
  const sent = GivenTensor.safeParse({ name, datatype, shape, data: flat });
  return sent.success
    ? { isRight: true, tensor: sent.data }
    : wrong("data", sent.error.issues[0]?.message ?? "This can't be sent.");
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const isShape = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((n) => Number.isInteger(n) && n > 0);

/** A flat list as it is, a nested one of just this shape flat; null for anything between. */
function flattened(data: readonly unknown[], shape: readonly number[]): unknown[] | null {
  if (!Array.isArray(data[0])) return [...data];
  let level: readonly unknown[] = [data];
  for (const length of shape) {
    const next: unknown[] = [];
    for (const part of level) {
      if (!Array.isArray(part) || part.length !== length) return null;
      next.push(...part);
    }
    level = next;
  }
  return [...level];
}

function isOf(datatype: Datatype, value: unknown): boolean {
  if (datatype === "BOOL") return typeof value === "boolean";
  if (datatype === "BYTES") return typeof value === "string";
  const range = rangeOf(datatype);
  return (
    typeof value === "number" &&
    range !== null &&
    value >= range.min &&
    value <= range.max &&
    (!isWhole(datatype) || Number.isInteger(value))
  );
}

function inWords(datatype: Datatype): string {
  if (datatype === "BOOL") return "true or false";
  if (datatype === "BYTES") return "a string";
  const range = rangeOf(datatype);
  if (!isWhole(datatype)) return `a number that ${datatype} holds`;
  return `a whole number from ${range?.min} to ${range?.max}`;
}
