import type { Metadata } from "next";
import { WallPage } from "@/components/overview/wall-page";
import { WallSignIn } from "@/components/overview/wall-sign-in";
import { DataProvider } from "@/components/trpc/client";
import { context, Prefetch, serverTrpc } from "@/server/prefetch";

export const metadata: Metadata = { title: "Wall" };

/** A screen with a display token shows its team; a person opens their team's by `?team=`. */
export default async function Wall({ searchParams }: { searchParams: Promise<{ team?: string }> }) {
  const { team } = await searchParams;
  const { person, display } = await context();
  const named = person && team ? team : null;
  if (!named && !(await display())) return <WallSignIn />;
  return (
    <DataProvider>
      <Prefetch queries={[serverTrpc().overview.wall.queryOptions({ team: named })]}>
        <WallPage team={named} />
      </Prefetch>
    </DataProvider>
  );
}
