import type { Metadata } from "next";
import { ComparePage } from "@/components/training/compare-page";

export const metadata: Metadata = { title: "Compare runs" };

export default async function Compare({ params }: { params: Promise<{ team: string }> }) {
  return <ComparePage team={(await params).team} />;
}
