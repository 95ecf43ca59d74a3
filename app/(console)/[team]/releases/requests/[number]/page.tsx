import type { Metadata } from "next";
import { notFound } from "next/navigation";
import { PromotionRequestPage } from "@/components/releases/request-page";
import { Prefetch, serverTrpc } from "@/server/prefetch";

interface Props {
  params: Promise<{ team: string; number: string }>;
}

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  return { title: `Request ${(await params).number}` };
}

export default async function PromotionRequest({ params }: Props) {
  const { team, number: text } = await params;
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1) notFound();
  const trpc = serverTrpc();
  return (
    <Prefetch
      queries={[
        trpc.releases.request.queryOptions({ team, number }),
        trpc.releases.laneOfRequest.queryOptions({ team, number }),
        trpc.releases.traffic.queryOptions({ team }),
      ]}
    >
      <PromotionRequestPage team={team} number={number} />
    </Prefetch>
  );
}
