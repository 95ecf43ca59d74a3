import type { Metadata } from "next";
import { ReplayPage } from "@/components/cluster/replay-page";
import { Prefetch, serverTrpc } from "@/server/prefetch";

export const metadata: Metadata = { title: "Replay" };

export default async function Replay({ params }: { params: Promise<{ team: string }> }) {
  const { team } = await params;
  return (
    <Prefetch queries={[serverTrpc().cluster.overview.queryOptions({ team })]}>
      <ReplayPage team={team} />
    </Prefetch>
  );
}
