import type { Metadata } from "next";
import { LaunchPage } from "@/components/training/launch-page";
import { NoVersionChosen } from "@/components/training/no-version-chosen";
import { Prefetch, serverTrpc } from "@/server/prefetch";

export const metadata: Metadata = { title: "New run" };

interface Props {
  params: Promise<{ team: string }>;
  searchParams: Promise<{ version?: string }>;
}

export default async function NewRun({ params, searchParams }: Props) {
  const { team } = await params;
  const { version } = await searchParams;
  if (!version) return <NoVersionChosen team={team} />;
  const trpc = serverTrpc();
  return (
    <Prefetch queries={[trpc.training.options.queryOptions({ team, versionId: version })]}>
      <LaunchPage team={team} versionId={version} />
    </Prefetch>
  );
}
