import { decimal } from "@/components/ui/format";
import { tickDigits } from "./prepare";

/** More decimals than an axis has room for. */
const MANY = 4;

/** Writes the ticks of one axis with the decimals that tell them apart; small ones as `1.5e-4`. */
export function tickFormat(values: readonly number[]): (value: number) => string {
  const digits = tickDigits(values);
  if (digits < MANY) return (value) => decimal(value, digits);
  const exponent = Math.floor(Math.log10(Math.max(...values.map(Math.abs))));
  const scale = 10 ** exponent;
  const scaled = tickDigits(values.map((value) => value / scale));
  return (value) => (value === 0 ? "0" : `${decimal(value / scale, scaled)}e${exponent}`);
}
