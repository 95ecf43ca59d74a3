/** Nodes that a cluster's control store knows and that nobody runs: more of them than one machine could. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import type { Product } from "../e2e/fixtures/product";
import { python } from "../e2e/fixtures/python";

/** Registers them, and answers what takes them away again. @throws with the script's last words when it fails */
export async function registerNodes(
  { environment }: Product,
  { count, pool }: { count: number; pool: string },
): Promise<() => Promise<void>> {
  const command = ["bench/registered/nodes.py", "--count", String(count), "--pool", pool];
  const child = spawn(python(), command, {
    env: { ...process.env, ...environment, PYTHONPATH: resolve("gpu-worker/src") },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let words = "";
  child.stderr.on("data", (chunk: Buffer) => (words = (words + chunk.toString()).slice(-2000)));
  const ended = once(child, "close");
  const first = await Promise.race([once(child.stdout, "data"), ended.then(() => null)]);
  if (first === null) throw new Error(`nodes could not be registered:\n${words}`);
  return async () => {
    child.kill();
    await ended;
  };
}
