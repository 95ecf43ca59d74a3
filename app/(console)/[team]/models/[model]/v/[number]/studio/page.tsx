import type { Metadata } from "next";
import { notFound } from "next/navigation";
import { StudioPage } from "@/components/studio/studio-page";
import { Prefetch, serverTrpc } from "@/server/prefetch";

interface Props {
  params: Promise<{ team: string; model: string; number: string }>;
}

export const generateMetadata = async ({ params }: Props): Promise<Metadata> => {
  const { model, number } = await params;
  return { title: `Studio of ${model} v${number}` };
};

export default async function StudioOfVersion({ params }: Props) {
  const { team, model, number: text } = await params;
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1) notFound();
  const trpc = serverTrpc();
  return (
    <Prefetch
      queries={[
        trpc.models.version.queryOptions({ team, model, number }),
        trpc.datasets.list.queryOptions({ team, limit: 100 }),
      ]}
    >
      <StudioPage team={team} model={model} number={number} />
    </Prefetch>
  );
}
