import { decimal } from "@/components/ui/format";
import { tickDigits } from "./prepare";

/** Writes the ticks of one axis with the decimals that tell them apart. */
export function tickFormat(values: readonly number[]): (value: number) => string {
  const digits = tickDigits(values);
  return (value) => decimal(value, digits);
}
