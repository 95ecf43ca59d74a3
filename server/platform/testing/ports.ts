import { isFree } from "../../../scripts/lib/preflight.mjs";

/** The first of `count` free ports in a row, below those that the kernel hands out by itself. */
export async function freePorts(count: number): Promise<number> {
  for (let base = 21_000 + Math.floor(Math.random() * 10_000); ; base += count) {
    const free = await Promise.all(Array.from({ length: count }, (_, i) => isFree(base + i)));
    if (free.every(Boolean)) return base;
  }
}
