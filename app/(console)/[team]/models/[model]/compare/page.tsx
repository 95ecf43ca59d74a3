import type { Metadata } from "next";
import { ComparePage } from "@/components/models/compare-page";

interface Props {
  params: Promise<{ team: string; model: string }>;
}

export const generateMetadata = async ({ params }: Props): Promise<Metadata> => ({
  title: `Compare ${(await params).model}`,
});

export default async function Compare({ params }: Props) {
  const { team, model } = await params;
  return <ComparePage team={team} model={model} />;
}
