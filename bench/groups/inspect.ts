/** Looking at an upload of 100 MB in the sandbox: how long it takes, and how much memory its process. */
import { execFileSync } from "node:child_process";
import { resolve } from "node:path";
import { z } from "zod";
import { python } from "../../e2e/fixtures/python";
import { type Figures, figure } from "../result";

const Printed = z.object({
  bytes: z.number(),
  tier: z.number(),
  ms: z.array(z.number()),
  memoryMb: z.array(z.number()),
});

export async function inspect(): Promise<Figures> {
  const printed = execFileSync(python(), ["gpu-worker/bench/inspection.py"], {
    encoding: "utf8",
    env: { ...process.env, PYTHONPATH: resolve("gpu-worker/src") },
  });
  const { bytes, tier, ms, memoryMb } = Printed.parse(JSON.parse(printed));
  return {
    "studio.inspect_100mb": figure(ms, "ms", { bytes, tier }),
    "studio.inspect_100mb_memory": figure(memoryMb, "MB", { of: "resident memory, libraries included" }),
  };
}
