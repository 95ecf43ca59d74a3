import type { Metadata } from "next";
import { RunsPage } from "@/components/training/runs-page";

export const metadata: Metadata = { title: "Training" };

export default async function Training({ params }: { params: Promise<{ team: string }> }) {
  return <RunsPage team={(await params).team} />;
}
