import type { Metadata } from "next";
import { RulesPage } from "@/components/alerts/rules-page";
import { Prefetch, serverTrpc } from "@/server/prefetch";

export const metadata: Metadata = { title: "Alert rules" };

export default async function AlertRules({ params }: { params: Promise<{ team: string }> }) {
  const { team } = await params;
  return (
    <Prefetch queries={[serverTrpc().alerts.rules.queryOptions({ team })]}>
      <RulesPage team={team} />
    </Prefetch>
  );
}
