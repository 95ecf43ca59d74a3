import type { Metadata } from "next";
import { notFound } from "next/navigation";
import { RequestForm } from "@/components/releases/request-form";
import { Prefetch, serverTrpc } from "@/server/prefetch";

export const metadata: Metadata = { title: "Request production" };

interface Props {
  params: Promise<{ team: string }>;
  searchParams: Promise<{ version?: string | string[] }>;
}

export default async function RequestProduction({ params, searchParams }: Props) {
  const { team } = await params;
  const { version } = await searchParams;
  if (typeof version !== "string") notFound();
  const trpc = serverTrpc();
  return (
    <Prefetch queries={[trpc.releases.requestForm.queryOptions({ team, versionId: version })]}>
      <RequestForm team={team} versionId={version} />
    </Prefetch>
  );
}
