"use client";
import { useQuery } from "@tanstack/react-query";
import { useTRPC } from "@/components/trpc/client";
import type { Environment } from "@/server/releases/contract";

const PERIOD_MS = 5_000;

interface Lane {
  environment: Environment;
  serving: { versionId: string } | null;
}
/** Whether this was counted of what serves this lane. */
export const isOf = (row: { environment: Environment; versionId: string }, lane: Lane): boolean =>
  row.environment === lane.environment && row.versionId === lane.serving?.versionId;

/** What gateways counted by version in the last minute or two, read every 5 s. */
export function useTraffic(team: string) {
  const trpc = useTRPC();
  const { data, dataUpdatedAt } = useQuery(
    trpc.releases.traffic.queryOptions({ team }, { refetchInterval: PERIOD_MS }),
  );
  return { rows: data ?? [], at: dataUpdatedAt, periodMs: PERIOD_MS };
}
