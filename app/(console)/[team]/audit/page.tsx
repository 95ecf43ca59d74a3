import type { Metadata } from "next";
import { AuditPage } from "@/components/audit/audit-page";
import { Prefetch, serverTrpc } from "@/server/prefetch";

export const metadata: Metadata = { title: "Audit" };

export default async function Audit({ params }: { params: Promise<{ team: string }> }) {
  const { team } = await params;
  const trpc = serverTrpc();
  return (
    <Prefetch queries={[trpc.audit.verify.queryOptions({ team }), trpc.audit.facets.queryOptions({ team })]}>
      <AuditPage team={team} />
    </Prefetch>
  );
}
