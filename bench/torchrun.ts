/** A plain torchrun script beside the product: what its step time is held against. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join, resolve } from "node:path";
import { z } from "zod";
import type { Product } from "../e2e/fixtures/product";
import { python } from "../e2e/fixtures/python";

const Printed = z.object({ ms: z.array(z.number().positive()) });

/** The wall time (ms) of each step of rank 0. @throws with the script's last words when it fails */
export async function torchrunSteps(
  { home }: Product,
  { workers, globalBatch, steps }: { workers: number; globalBatch: number; steps: number },
): Promise<number[]> {
  const command = [
    ...["-m", "torch.distributed.run", "--standalone", `--nproc-per-node=${workers}`],
    ...["bench/torchrun/train.py", "--data", join(home, "data/fashion-mnist")],
    ...["--batch", String(globalBatch), "--steps", String(steps)],
  ];
  const child = spawn(python(), command, {
    env: {
      ...process.env,
      PYTHONPATH: resolve("gpu-worker/src"),
      OMP_NUM_THREADS: "1",
      GLOO_SOCKET_IFNAME: "lo",
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const said = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk: Buffer) => (said.stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (said.stderr += chunk.toString()));
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`torchrun ended with ${code}:\n${said.stderr.slice(-2000)}`);
  return Printed.parse(JSON.parse(said.stdout.trim().split("\n").at(-1) ?? "")).ms;
}
