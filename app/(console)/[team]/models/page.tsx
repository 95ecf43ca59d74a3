import type { Metadata } from "next";
import { ModelsPage } from "@/components/models/models-page";

export const metadata: Metadata = { title: "Models" };

export default async function Models({ params }: { params: Promise<{ team: string }> }) {
  return <ModelsPage team={(await params).team} />;
}
