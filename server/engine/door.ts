/** What an agent told, as it comes in: every second, from a thousand nodes. */
import { z } from "zod";
import { Observation, Readings } from "./contract";

const isValue = (value: unknown): boolean => value === null || Number.isFinite(value);
const isColumn = (told: unknown): boolean => Array.isArray(told) && told.every(isValue);
const isPlaces = (told: unknown): boolean =>
  Array.isArray(told) && told.every((value) => Number.isSafeInteger(value) && value >= 0);
const isObject = (told: unknown): told is Record<string, unknown> =>
  typeof told === "object" && told !== null;

/** What `Readings` says, column by column: a schema makes an object of each of 54,000 values to look at it. */
export function areReadings(told: unknown): told is Readings {
  if (!isObject(told) || !isObject(told.gpus)) return false;
  const { nodeIds, cpuPercent, memoryBytes, diskBytes, heartbeatAgeMs, gpus } = told;
  const { receivedBytesPerSecond, sentBytesPerSecond } = told;
  const ofNodes = [cpuPercent, memoryBytes, diskBytes, heartbeatAgeMs, receivedBytesPerSecond];
  return (
    Array.isArray(nodeIds) &&
    nodeIds.every((id) => typeof id === "string") &&
    [...ofNodes, sentBytesPerSecond].every(isColumn) &&
    [gpus.node, gpus.index].every(isPlaces) &&
    [gpus.percent, gpus.memoryBytes, gpus.celsius, gpus.watts].every(isColumn)
  );
}

/** An `Observation`; where its readings are wrong, `Readings` says what is. */
export const ToldObservation = Observation.extend({
  readings: z
    .unknown()
    .transform((told, ctx): Readings => {
      if (areReadings(told)) return told;
      const { data, error } = Readings.safeParse(told);
      for (const { path, message } of error?.issues ?? [])
        ctx.addIssue({ code: "custom", path: [...path], message });
      return data ?? z.NEVER;
    })
    .optional(),
});
