import type { Metadata } from "next";
import { SettingsPage } from "@/components/identity/settings-page";
import { Prefetch, serverTrpc } from "@/server/prefetch";

export const metadata: Metadata = { title: "Settings" };

export default async function Settings({ params }: { params: Promise<{ team: string }> }) {
  const { team } = await params;
  const trpc = serverTrpc();
  return (
    <Prefetch queries={[trpc.identity.members.queryOptions({ team })]}>
      <SettingsPage team={team} />
    </Prefetch>
  );
}
