import type { Metadata } from "next";
import { ModelPage } from "@/components/models/model-page";
import { Prefetch, serverTrpc } from "@/server/prefetch";

interface Props {
  params: Promise<{ team: string; model: string }>;
}

export const generateMetadata = async ({ params }: Props): Promise<Metadata> => ({
  title: (await params).model,
});

export default async function Model({ params }: Props) {
  const { team, model } = await params;
  return (
    <Prefetch queries={[serverTrpc().models.page.queryOptions({ team, model })]}>
      <ModelPage team={team} model={model} />
    </Prefetch>
  );
}
