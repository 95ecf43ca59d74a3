import { notFound, redirect } from "next/navigation";
import type { ReactNode } from "react";
import { ConsoleShell } from "@/components/identity/console-shell";
import { context, Prefetch, serverTrpc } from "@/server/prefetch";

interface Props {
  params: Promise<{ team: string }>;
  children: ReactNode;
}

export default async function TeamLayout({ params, children }: Props) {
  const { team } = await params;
  const { person, membership } = await context();
  if (!person) redirect("/sign-in");
  if (!(await membership(team))) notFound();
  const trpc = serverTrpc();
  return (
    <Prefetch queries={[trpc.identity.me.queryOptions(), trpc.overview.needs.queryOptions({ team })]}>
      <ConsoleShell team={team}>{children}</ConsoleShell>
    </Prefetch>
  );
}
