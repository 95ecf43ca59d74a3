/** What a person types of a pool, and what it means. Pure. */
import type { z } from "zod";
import { EditPool } from "@/server/cluster/contract";
import type { Day, Schedule } from "@/server/cluster/schedule-contract";
import type { PoolNow } from "./pool-preview";
import type { ClusterOverview } from "./types";

export type Pool = ClusterOverview["pools"][number];

/** Text as it stands in the fields. */
export interface TypedPool {
  min: string;
  max: string;
  idleSeconds: string;
  pricePerHour: string;
  preemptible: boolean;
  hasHours: boolean;
  hours: { timeZone: string; days: Day[]; from: string; to: string; min: string; max: string };
}

/** @param max proposed by what waits for it */
export function typedOf(pool: Pool, max: number | undefined, timeZone: string): TypedPool {
  const { usual, schedule } = pool;
  return {
    min: String(usual.min),
    max: String(max ?? usual.max),
    idleSeconds: String(pool.idleSeconds),
    pricePerHour: pool.pricePerHour?.toString() ?? "",
    preemptible: pool.preemptible,
    hasHours: schedule !== null,
    hours: {
      ...{
        timeZone: schedule?.timeZone ?? timeZone,
        from: schedule?.from ?? "08:00",
        to: schedule?.to ?? "18:00",
      },
      days: schedule?.days ?? ["Mon", "Tue", "Wed", "Thu", "Fri"],
      ...{ min: String(schedule?.min ?? usual.min), max: String(schedule?.max ?? max ?? usual.max) },
    },
  };
}

export function readPool(pool: string, typed: TypedPool): z.ZodSafeParseResult<z.infer<typeof EditPool>> {
  const { hours } = typed;
  return EditPool.safeParse({
    pool,
    min: read(typed.min),
    max: read(typed.max),
    idleSeconds: read(typed.idleSeconds),
    pricePerHour: typed.pricePerHour.trim() === "" ? null : read(typed.pricePerHour),
    preemptible: typed.preemptible,
    schedule: typed.hasHours ? { ...hours, min: read(hours.min), max: read(hours.max) } : null,
  });
}

/** The pool as it is, in the words of an edit. */
export const poolNow = (pool: Pool): PoolNow & { schedule: Schedule | null } => ({
  ...pool.usual,
  ...{ nodes: pool.nodes, idleSeconds: pool.idleSeconds, pricePerHour: pool.pricePerHour },
  ...{ preemptible: pool.preemptible, schedule: pool.schedule },
});

/** Nothing typed is not zero. */
const read = (text: string): number => (text.trim() === "" ? Number.NaN : Number(text));
