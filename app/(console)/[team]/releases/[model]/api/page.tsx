import type { Metadata } from "next";
import { ApiPage } from "@/components/releases/api-page";
import { Prefetch, serverTrpc } from "@/server/prefetch";
import { environmentNamed } from "@/server/releases/contract";

interface Props {
  params: Promise<{ team: string; model: string }>;
  searchParams: Promise<{ environment?: string | string[] }>;
}

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  return { title: `API of ${(await params).model}` };
}

export default async function ModelApi({ params, searchParams }: Props) {
  const { team, model } = await params;
  const environment = environmentNamed((await searchParams).environment);
  return (
    <Prefetch queries={[serverTrpc().releases.api.queryOptions({ team, model, environment })]}>
      <ApiPage team={team} model={model} />
    </Prefetch>
  );
}
