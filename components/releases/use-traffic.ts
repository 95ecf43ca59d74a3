"use client";
import { useQuery } from "@tanstack/react-query";
import { useTRPC } from "@/components/trpc/client";

const PERIOD_MS = 5_000;

/** What gateways counted by version in the last minute or two, read every 5 s. */
export function useTraffic(team: string) {
  const trpc = useTRPC();
  const { data, dataUpdatedAt } = useQuery(
    trpc.releases.traffic.queryOptions({ team }, { refetchInterval: PERIOD_MS }),
  );
  return { rows: data ?? [], at: dataUpdatedAt, periodMs: PERIOD_MS };
}
