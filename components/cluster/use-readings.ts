"use client";
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { useTRPC } from "@/components/trpc/client";

/** As often as the agent looks at its nodes: how busy they are is no event, so it is asked for while the page is seen. */
const LOOK_MS = 1_000;

export interface Reading {
  cpuPercent: number | null;
  memoryBytes: number | null;
  gpuPercent: number | null;
}
const UNREAD: Reading = { cpuPercent: null, memoryBytes: null, gpuPercent: null };

/** What each node uses now, by its serial, with the health of what tells it. */
export function useReadings(team: string) {
  const trpc = useTRPC();
  const { data } = useQuery(trpc.cluster.readings.queryOptions({ team }, { refetchInterval: LOOK_MS }));
  const readingOf = useMemo(() => {
    const all = new Map<number, Reading>(
      data?.serial.map((serial, i) => [
        serial,
        {
          cpuPercent: data.cpuPercent[i] ?? null,
          memoryBytes: data.memoryBytes[i] ?? null,
          gpuPercent: data.gpuPercent[i] ?? null,
        },
      ]),
    );
    return (serial: number): Reading => all.get(serial) ?? UNREAD;
  }, [data]);
  return { readingOf, lastSeenAt: data?.lastSeenAt, health: data?.health };
}

/** How busy a node is, 0 to 1: its GPUs, else its CPUs; null is not known. */
export function busyShare(node: { cpus: number; gpus: number }, reading: Reading): number | null {
  if (node.gpus > 0) return reading.gpuPercent === null ? null : reading.gpuPercent / 100;
  if (reading.cpuPercent === null || node.cpus === 0) return null;
  return Math.min(1, reading.cpuPercent / 100 / node.cpus);
}
