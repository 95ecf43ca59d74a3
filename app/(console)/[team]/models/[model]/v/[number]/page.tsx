import type { Metadata } from "next";
import { notFound } from "next/navigation";
import { VersionCostPanel } from "@/components/cost/version-panel";
import { VersionPage } from "@/components/models/version-page";
import { Prefetch, serverTrpc } from "@/server/prefetch";

interface Props {
  params: Promise<{ team: string; model: string; number: string }>;
}

export const generateMetadata = async ({ params }: Props): Promise<Metadata> => {
  const { model, number } = await params;
  return { title: `${model} v${number}` };
};

export default async function Version({ params }: Props) {
  const { team, model, number: text } = await params;
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1) notFound();
  return (
    <Prefetch queries={[serverTrpc().models.version.queryOptions({ team, model, number })]}>
      <VersionPage
        {...{ team, model, number }}
        cost={<VersionCostPanel team={team} model={model} number={number} />}
      />
    </Prefetch>
  );
}
