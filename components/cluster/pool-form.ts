/** What a person types of a pool, and what it means. Pure. */
import type { z } from "zod";
import { issueSays, readNumber } from "@/components/ui/typed";
import { EditPool } from "@/server/cluster/contract";
import type { Day, Schedule } from "@/server/cluster/schedule-contract";
import type { PoolNow, PoolValues } from "./pool-preview";
import type { ClusterOverview } from "./types";

const WEEKDAYS: readonly Day[] = ["Mon", "Tue", "Wed", "Thu", "Fri"];

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

/** @param timeZone of office hours where there are none yet */
export function typedOf(values: PoolValues, timeZone: string): TypedPool {
  const { min, max, schedule } = values;
  const hours = schedule ?? { timeZone, days: WEEKDAYS, from: "08:00", to: "18:00", min, max };
  return {
    ...{ min: String(min), max: String(max), idleSeconds: String(values.idleSeconds) },
    pricePerHour: values.pricePerHour?.toString() ?? "",
    preemptible: values.preemptible,
    hasHours: schedule !== null,
    hours: { ...hours, days: [...hours.days], min: String(hours.min), max: String(hours.max) },
  };
}

export function readPool(pool: string, typed: TypedPool): z.ZodSafeParseResult<z.infer<typeof EditPool>> {
  const { hours } = typed;
  return EditPool.safeParse({
    pool,
    min: readNumber(typed.min),
    max: readNumber(typed.max),
    idleSeconds: readNumber(typed.idleSeconds),
    pricePerHour: typed.pricePerHour.trim() === "" ? null : readNumber(typed.pricePerHour),
    preemptible: typed.preemptible,
    schedule: typed.hasHours ? { ...hours, min: readNumber(hours.min), max: readNumber(hours.max) } : null,
  });
}

/** What is wrong with a field, if anything is. @param path of `EditPool` */
export function issueAt(
  { error }: z.ZodSafeParseResult<unknown>,
  path: readonly string[],
): string | undefined {
  const issue = error?.issues.find((one) => path.every((part, i) => one.path[i] === part));
  return issue && issueSays(issue);
}

/** The pool as it is, in the words of an edit. */
export const poolNow = (pool: Pool): PoolNow & { schedule: Schedule | null } => ({
  ...pool.usual,
  ...{ nodes: pool.nodes, idleSeconds: pool.idleSeconds, pricePerHour: pool.pricePerHour },
  ...{ preemptible: pool.preemptible, schedule: pool.schedule },
});
