import type { Metadata } from "next";
import { OverviewPage } from "@/components/overview/overview-page";
import { Prefetch, serverTrpc } from "@/server/prefetch";

export const metadata: Metadata = { title: "Overview" };

export default async function Overview({ params }: { params: Promise<{ team: string }> }) {
  const { team } = await params;
  return (
    <Prefetch queries={[serverTrpc().overview.page.queryOptions({ team })]}>
      <OverviewPage team={team} />
    </Prefetch>
  );
}
