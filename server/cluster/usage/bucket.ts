/**
 * Readings added up until their bucket is over: of each value how many there were, their sum and the highest. Adding is
 * commutative, and a bucket travels as bytes: whichever process takes a report goes on with what another began. Pure.
 */
import { z } from "zod";
import type { Values } from "./metrics";

/** n, sum, highest. */
const CELL = 3;
/** The names and how many values each has. */
const Header = z.array(z.tuple([z.string(), z.number().int().nonnegative()]));

export type Bucket = Map<string, Float32Array>;
export interface Row {
  key: string;
  mean: Values;
  peak: Values;
}

/** Adds one reading of each. */
export function add(bucket: Bucket, readings: ReadonlyMap<string, Values>): void {
  for (const [key, values] of readings) {
    let cells = bucket.get(key);
    if (!cells || cells.length < values.length * CELL) {
      const wider = new Float32Array(values.length * CELL);
      if (cells) wider.set(cells);
      bucket.set(key, wider);
      cells = wider;
    }
    for (let i = 0; i < values.length; i += 1) {
      const value = values[i];
      if (value === null || value === undefined) continue;
      const n = cells[i * CELL] ?? 0;
      cells[i * CELL] = n + 1;
      cells[i * CELL + 1] = (cells[i * CELL + 1] ?? 0) + value;
      cells[i * CELL + 2] = n === 0 ? value : Math.max(cells[i * CELL + 2] ?? value, value);
    }
  }
}

/** What is kept of a bucket that is over. A key of which nothing was known leaves no row. */
export function rowsOf(bucket: Bucket): Row[] {
  return [...bucket].flatMap(([key, cells]) => {
    const mean: Values = [];
    const peak: Values = [];
    for (let i = 0; i < cells.length; i += CELL) {
      const n = cells[i] ?? 0;
      mean.push(n > 0 ? (cells[i + 1] ?? 0) / n : null);
      peak.push(n > 0 ? (cells[i + 2] ?? 0) : null);
    }
    return mean.some((value) => value !== null) ? [{ key, mean, peak }] : [];
  });
}

/** Length of the header, the header, then all cells. */
export function pack(bucket: Bucket): Buffer {
  const names = [...bucket].map(([key, cells]) => [key, cells.length] as const);
  const header = Buffer.from(JSON.stringify(names));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(header.length);
  const cells = [...bucket.values()].map((of) => Buffer.from(of.buffer, of.byteOffset, of.byteLength));
  return Buffer.concat([length, header, ...cells]);
}

export function unpack(bytes: Buffer): Bucket {
  const start = 4 + bytes.readUInt32LE(0);
  const names = Header.parse(JSON.parse(bytes.toString("utf8", 4, start)));
  // A copy: numbers of four bytes begin where four divides the address.
  const all = new Float32Array(new Uint8Array(bytes.subarray(start)).buffer);
  let at = 0;
  const bucket = new Map(
    names.map(([key, length]) => {
      at += length;
      return [key, all.slice(at - length, at)];
    }),
  );
  if (at !== all.length) throw new RangeError("a packed bucket was cut off");
  return bucket;
}
