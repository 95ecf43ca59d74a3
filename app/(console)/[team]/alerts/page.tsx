import type { Metadata } from "next";
import { AlertsPage } from "@/components/alerts/alerts-page";

export const metadata: Metadata = { title: "Alerts" };

export default async function Alerts({ params }: { params: Promise<{ team: string }> }) {
  return <AlertsPage team={(await params).team} />;
}
