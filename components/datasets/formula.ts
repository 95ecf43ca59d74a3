import { significant } from "@/components/ui/format";
import type { Transform } from "@/server/datasets/contract";

/** What a model is fed, without the parts that change nothing: `x / 255`, `(x − mean) / std of each of 4 columns`. */
export function formula({ scale, mean, std }: Transform, what: "columns" | "channels"): string {
  const isShrunk = scale < 1 && Math.abs(Math.round(1 / scale) * scale - 1) < 1e-9;
  const scaled = scale === 1 ? "x" : isShrunk ? `x / ${Math.round(1 / scale)}` : `x × ${significant(scale)}`;
  const centred = mean === 0 ? scaled : `(${scaled} − ${shown(mean, "mean")})`;
  const whole = std === 1 ? centred : `${centred} / ${shown(std, "std")}`;
  const parts = Array.isArray(mean) ? mean.length : Array.isArray(std) ? std.length : 0;
  return parts > 0 ? `${whole} of each of ${parts} ${what}` : whole;
}

const shown = (value: number | number[], name: string): string =>
  Array.isArray(value) ? name : (significant(value) ?? name);
