import type { Metadata } from "next";
import { redirect } from "next/navigation";
import { WelcomeForm } from "@/components/identity/welcome-form";
import { needsFirstAdmin } from "@/server/identity/service";
import { context } from "@/server/prefetch";

export const metadata: Metadata = { title: "Make this console yours", referrer: "no-referrer" };

export default async function Welcome({ searchParams }: { searchParams: Promise<{ token?: string }> }) {
  const { token } = await searchParams;
  const { db } = await context();
  if (!(await needsFirstAdmin(db))) redirect("/sign-in");
  return <WelcomeForm token={token ?? ""} />;
}
