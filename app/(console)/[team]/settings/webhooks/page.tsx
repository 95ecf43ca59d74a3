import type { Metadata } from "next";
import { HooksPage } from "@/components/hooks/hooks-page";
import { Prefetch, serverTrpc } from "@/server/prefetch";

export const metadata: Metadata = { title: "Webhooks" };

export default async function Webhooks({ params }: { params: Promise<{ team: string }> }) {
  const { team } = await params;
  const trpc = serverTrpc();
  return (
    <Prefetch
      queries={[trpc.hooks.list.queryOptions({ team }), trpc.hooks.deliveries.queryOptions({ team })]}
    >
      <HooksPage team={team} />
    </Prefetch>
  );
}
