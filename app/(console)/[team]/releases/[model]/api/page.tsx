import type { Metadata } from "next";
import { ApiPage } from "@/components/releases/api-page";
import { Prefetch, serverTrpc } from "@/server/prefetch";

interface Props {
  params: Promise<{ team: string; model: string }>;
}

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  return { title: `API of ${(await params).model}` };
}

export default async function ModelApi({ params }: Props) {
  const { team, model } = await params;
  return (
    <Prefetch queries={[serverTrpc().releases.api.queryOptions({ team, model })]}>
      <ApiPage team={team} model={model} />
    </Prefetch>
  );
}
