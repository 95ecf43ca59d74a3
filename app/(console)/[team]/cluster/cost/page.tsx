import type { Metadata } from "next";
import { CostPage } from "@/components/cost/cost-page";
import { Month } from "@/server/cost/contract";
import { Prefetch, serverTrpc } from "@/server/prefetch";

export const metadata: Metadata = { title: "Cost" };

interface Props {
  params: Promise<{ team: string }>;
  searchParams: Promise<{ month?: string | string[] }>;
}

export default async function Cost({ params, searchParams }: Props) {
  const { team } = await params;
  const month = Month.safeParse((await searchParams).month).data ?? null;
  return (
    <Prefetch queries={[serverTrpc().cost.page.queryOptions({ team, month })]}>
      <CostPage team={team} />
    </Prefetch>
  );
}
