import type { Metadata } from "next";
import { ClusterPage } from "@/components/cluster/cluster-page";
import { Prefetch, serverTrpc } from "@/server/prefetch";

export const metadata: Metadata = { title: "Cluster" };

export default async function Cluster({ params }: { params: Promise<{ team: string }> }) {
  const { team } = await params;
  return (
    <Prefetch queries={[serverTrpc().cluster.overview.queryOptions({ team })]}>
      <ClusterPage team={team} />
    </Prefetch>
  );
}
