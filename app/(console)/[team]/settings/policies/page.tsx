import type { Metadata } from "next";
import { PoliciesPage } from "@/components/releases/policies-page";
import { Prefetch, serverTrpc } from "@/server/prefetch";
import { environmentNamed } from "@/server/releases/contract";

export const metadata: Metadata = { title: "Policies" };

interface Props {
  params: Promise<{ team: string }>;
  searchParams: Promise<{ environment?: string | string[] }>;
}

export default async function Policies({ params, searchParams }: Props) {
  const { team } = await params;
  const environment = environmentNamed((await searchParams).environment);
  const trpc = serverTrpc();
  return (
    <Prefetch
      queries={[
        trpc.releases.policies.scopes.queryOptions({ team }),
        trpc.releases.policies.page.queryOptions({ team, environment, modelId: null }),
      ]}
    >
      <PoliciesPage team={team} />
    </Prefetch>
  );
}
