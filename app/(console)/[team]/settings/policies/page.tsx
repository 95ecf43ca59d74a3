import type { Metadata } from "next";
import { PoliciesPage } from "@/components/releases/policies-page";
import { Prefetch, serverTrpc } from "@/server/prefetch";

export const metadata: Metadata = { title: "Policies" };

export default async function Policies({ params }: { params: Promise<{ team: string }> }) {
  const { team } = await params;
  const trpc = serverTrpc();
  return (
    <Prefetch
      queries={[
        trpc.releases.policies.scopes.queryOptions({ team }),
        trpc.releases.policies.page.queryOptions({ team, environment: "production", modelId: null }),
      ]}
    >
      <PoliciesPage team={team} />
    </Prefetch>
  );
}
