/** What is lost beside what is gained, in words: a setting that makes the file bigger or slower says so. */
import { bytes, change } from "@/components/ui/format";
import type { Settings } from "@/server/studio/contract";
import type { Measured, StudioBaseline } from "@/server/studio/session-contract";

/** Why a precision may run slower on a CPU; nothing where it does not. */
const SLOWER: Partial<Record<Settings["precision"], string>> = {
  int8_dynamic:
    "Dynamic int8 finds the ranges of every batch anew, which costs convolutions more than it saves.",
  int4: "int4 weights are unpacked for every product.",
};

export function warningsOf(
  settings: Settings,
  measured: Partial<Measured>,
  baseline: StudioBaseline,
): string[] {
  const words: string[] = [];
  const because = SLOWER[settings.precision] ? ` ${SLOWER[settings.precision]}` : "";
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
  if (settings.pattern !== "none")
    words.push("2:4 gives no speed on this runtime: it needs hardware that skips such zeros.");
  for (const { batch, ratio, ratioLow } of measured.latency?.latency ?? []) {
    // Only where the whole range of the paired rounds lies above one; noise is no warning.
    if (ratio !== null && ratioLow !== null && ratioLow > 1)
      words.push(
        `It is slower at batch ${batch}: ${change(ratio - 1)} at the median of interleaved rounds.${because}`,
      );
  }
  return words;
}
