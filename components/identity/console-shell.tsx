"use client";
import { useQuery, useSuspenseQuery } from "@tanstack/react-query";
import { useRouter } from "next/navigation";
import { type ReactNode, useEffect, useMemo } from "react";
import { AppFrame } from "@/components/frame/app-frame";
import { RAIL_ITEMS } from "@/components/frame/rail-items";
import { useFound } from "@/components/frame/use-found";
import { LiveProvider, useLive } from "@/components/live/provider";
import { useTRPC } from "@/components/trpc/client";
import { syncClock } from "@/components/ui/clock";
import { signOut } from "./auth-client";

/** The places this console has; others join the rail when they are built. */
const BUILT = new Set([
  "/overview",
  "/models",
  "/training",
  "/releases",
  "/cluster",
  "/datasets",
  "/audit",
  "/settings",
]);

export function ConsoleShell({ team, children }: { team: string; children: ReactNode }) {
  return (
    <LiveProvider team={team}>
      <Framed team={team}>{children}</Framed>
    </LiveProvider>
  );
}

function Framed({ team, children }: { team: string; children: ReactNode }) {
  const router = useRouter();
  const trpc = useTRPC();
  const { data: me } = useSuspenseQuery(trpc.identity.me.queryOptions());
  const { data: needs } = useQuery(trpc.overview.needs.queryOptions({ team }));
  const { connection, clockOffset, reconnect } = useLive();
  const { search, isSearching } = useFound(team);
  useEffect(() => syncClock(Date.now() + clockOffset), [clockOffset]);

  const items = useMemo(
    () =>
      RAIL_ITEMS.filter((item) => BUILT.has(item.href)).map((item) => ({
        ...item,
        href: `/${team}${item.href}`,
      })),
    [team],
  );
  const current = me.teams.find((t) => t.teamSlug === team);
  return (
    <AppFrame
      team={{ id: team, name: current?.teamName ?? team }}
      teams={me.teams.map((t) => ({ id: t.teamSlug, name: t.teamName }))}
      onTeam={(slug) => router.push(`/${slug}/models`)}
      user={me.person}
      items={items}
      counts={{ [`/${team}/training`]: needs?.running ?? 0, [`/${team}/releases`]: needs?.approvals ?? 0 }}
      needs={needs && { problems: needs.problems, approvals: needs.approvals, href: `/${team}${needs.href}` }}
      connection={connection.state === "offline" ? { ...connection, onRetry: reconnect } : connection}
      onPaletteQuery={search}
      isPaletteSearching={isSearching}
      onSignOut={() => void signOut().then(() => window.location.assign("/sign-in"))}
    >
      {children}
    </AppFrame>
  );
}
