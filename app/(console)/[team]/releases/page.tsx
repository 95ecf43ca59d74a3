import type { Metadata } from "next";
import { ReleasesPage } from "@/components/releases/releases-page";
import { Prefetch, serverTrpc } from "@/server/prefetch";

export const metadata: Metadata = { title: "Releases" };

export default async function Releases({ params }: { params: Promise<{ team: string }> }) {
  const { team } = await params;
  const trpc = serverTrpc();
  return (
    <Prefetch
      queries={[trpc.releases.overview.queryOptions({ team }), trpc.releases.traffic.queryOptions({ team })]}
    >
      <ReleasesPage team={team} />
    </Prefetch>
  );
}
