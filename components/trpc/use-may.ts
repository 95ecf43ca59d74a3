"use client";
import { useQuery } from "@tanstack/react-query";
import { useTRPC } from "@/components/trpc/client";
import type { Permission } from "@/server/platform/permissions";

/** Whether this person may, in this team: for showing and disabling actions; the server decides again. */
export function useMay(team: string): (permission: Permission) => boolean {
  const trpc = useTRPC();
  const { data } = useQuery(trpc.identity.me.queryOptions());
  const permissions = data?.teams.find((t) => t.teamSlug === team)?.permissions;
  return (permission) => permissions?.includes(permission) ?? false;
}
