"use client";
import { useSuspenseQuery } from "@tanstack/react-query";
import { useTRPC } from "@/components/trpc/client";
import type { Permission } from "@/server/identity/contract";

/** What the person who looks may do in this team. */
export function usePermission(team: string): (permission: Permission) => boolean {
  const trpc = useTRPC();
  const { data: me } = useSuspenseQuery(trpc.identity.me.queryOptions());
  const held = me.teams.find((t) => t.teamSlug === team)?.permissions ?? [];
  return (permission) => held.includes(permission);
}
