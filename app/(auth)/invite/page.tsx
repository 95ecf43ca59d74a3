import type { Metadata } from "next";
import { InviteForm } from "@/components/identity/invite-form";

export const metadata: Metadata = { title: "Join a team", referrer: "no-referrer" };

export default async function Invite({ searchParams }: { searchParams: Promise<{ token?: string }> }) {
  return <InviteForm token={(await searchParams).token ?? ""} />;
}
