/** What is lost beside what is gained, in words: a setting that makes the file bigger or slower says so. */
import { bytes, change } from "@/components/ui/format";
import type { Measured, Settings, StudioBaseline } from "@/server/studio/contract";

export function warningsOf(
  settings: Settings,
  measured: Partial<Measured>,
  baseline: StudioBaseline,
): string[] {
  const words: string[] = [];
  const sizes = (measured.sizes ?? measured.built)?.sizes;
  if (sizes && sizes.file > baseline.sizes.file) {
    words.push(
      `The file grows by ${bytes(sizes.file - baseline.sizes.file)} (${change(sizes.file / baseline.sizes.file - 1)}).`,
    );
  } else if (settings.sparsity > 0 && settings.channels === 0 && settings.precision === "fp32") {
    words.push(
      "Zeros do not shrink a dense file, and this runtime does not skip them: zstd and sparse bytes shrink.",
    );
  }
  for (const { batch, ratio, ratioLow } of measured.latency?.latency ?? []) {
    // Only where the whole range of the paired rounds lies above one; noise is no warning.
    if (ratio !== null && ratioLow !== null && ratioLow > 1)
      words.push(`It is slower at batch ${batch}: ${change(ratio - 1)} at the median of interleaved rounds.`);
  }
  return words;
}
