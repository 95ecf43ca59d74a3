/** Limits that are looked at stand in the address, so that a link shows the same and the pool's dialog takes them over. Pure. */
import type { z } from "zod";
import { type EditPool, ReplayLimits } from "@/server/cluster/contract";

export type PoolLimits = z.infer<typeof EditPool>;

/** What cannot be read is not asked about. */
export function readLimits(text: string): PoolLimits[] {
  if (!text) return [];
  try {
    const parsed = ReplayLimits.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : [];
  } catch {
    return [];
  }
}

export const writeLimits = (limits: readonly PoolLimits[]): string =>
  limits.length > 0 ? JSON.stringify(limits) : "";

const at = (path: string, values: Record<string, string>) => `${path}?${new URLSearchParams(values)}`;

export const replayPath = (team: string, limits: readonly PoolLimits[]): string =>
  at(`/${team}/cluster/replay`, { limits: writeLimits(limits) });

export const poolPath = (team: string, pool: string, limits: readonly PoolLimits[]): string =>
  at(`/${team}/cluster`, { pool, limits: writeLimits(limits) });
