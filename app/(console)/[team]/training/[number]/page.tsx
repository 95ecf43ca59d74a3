import type { Metadata } from "next";
import { notFound } from "next/navigation";
import { RunPage } from "@/components/training/run-page";
import { metricQuery, TRAINING_CHARTS } from "@/components/training/series";
import { Prefetch, serverTrpc } from "@/server/prefetch";

interface Props {
  params: Promise<{ team: string; number: string }>;
}

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  return { title: `Run ${(await params).number}` };
}

export default async function Run({ params }: Props) {
  const { team, number: text } = await params;
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1) notFound();
  const { runs } = serverTrpc();
  const charts = TRAINING_CHARTS.map((chart) => runs.metrics.queryOptions(metricQuery(team, number, chart)));
  return (
    <Prefetch queries={[runs.get.queryOptions({ team, number }), ...charts]}>
      <RunPage team={team} number={number} />
    </Prefetch>
  );
}
