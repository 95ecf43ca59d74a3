"use client";
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { type Outputs, useTRPC } from "@/components/trpc/client";

/** As often as the agent looks at its nodes: how busy they are is no event, so it is asked for while the page is seen. */
const LOOK_MS = 1_000;

export interface Reading {
  cpuPercent: number | null;
  memoryBytes: number | null;
  gpuPercent: number | null;
}
const UNREAD: Reading = { cpuPercent: null, memoryBytes: null, gpuPercent: null };

type Readings = Outputs["cluster"]["readings"];

/** Each second's columns differ in most places: they are taken as they come. */
function useLook(team: string) {
  const trpc = useTRPC();
  return trpc.cluster.readings.queryOptions({ team }, { refetchInterval: LOOK_MS, structuralSharing: false });
}

/** What each node uses now, by its serial. */
export function useReadings(team: string): (serial: number) => Reading {
  const { data } = useQuery(useLook(team));
  return useMemo(() => {
    const places = new Map(data?.serial.map((serial, place) => [serial, place]));
    return (serial) => {
      const place = places.get(serial);
      if (!data || place === undefined) return UNREAD;
      return {
        cpuPercent: data.cpuPercent[place] ?? null,
        memoryBytes: data.memoryBytes[place] ?? null,
        gpuPercent: data.gpuPercent[place] ?? null,
      };
    };
  }, [data]);
}

/** When the agent was last heard, and the health of what tells, by the second. */
export const useHeard = (team: string) => useQuery({ ...useLook(team), select: heard }).data;
const heard = ({ lastSeenAt, health }: Readings) => ({ lastSeenAt, health });

/** How busy a node is, 0 to 1: its GPUs, else its CPUs; null is not known. */
export function busyShare(node: { cpus: number; gpus: number }, reading: Reading): number | null {
  if (node.gpus > 0) return reading.gpuPercent === null ? null : reading.gpuPercent / 100;
  if (reading.cpuPercent === null || node.cpus === 0) return null;
  return Math.min(1, reading.cpuPercent / 100 / node.cpus);
}
