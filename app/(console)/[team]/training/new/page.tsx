import type { Metadata } from "next";
import { LaunchPage } from "@/components/training/launch-page";
import { NoVersionChosen } from "@/components/training/no-version-chosen";
import { ScriptPage } from "@/components/training/script-page";
import { Prefetch, serverTrpc } from "@/server/prefetch";

export const metadata: Metadata = { title: "New run" };

interface Props {
  params: Promise<{ team: string }>;
  searchParams: Promise<{ version?: string; source?: string }>;
}

export default async function NewRun({ params, searchParams }: Props) {
  const { team } = await params;
  const { version, source } = await searchParams;
  const trpc = serverTrpc();
  if (source === "script") {
    return (
      <Prefetch queries={[trpc.training.scriptOptions.queryOptions({ team })]}>
        <ScriptPage team={team} />
      </Prefetch>
    );
  }
  if (!version) return <NoVersionChosen team={team} />;
  return (
    <Prefetch queries={[trpc.training.options.queryOptions({ team, versionId: version })]}>
      <LaunchPage team={team} versionId={version} />
    </Prefetch>
  );
}
