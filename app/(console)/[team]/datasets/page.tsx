import type { Metadata } from "next";
import { DatasetsPage } from "@/components/datasets/datasets-page";

export const metadata: Metadata = { title: "Datasets" };

export default async function Datasets({ params }: { params: Promise<{ team: string }> }) {
  return <DatasetsPage team={(await params).team} />;
}
