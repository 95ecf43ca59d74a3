import type { Metadata } from "next";
import { DatasetPage } from "@/components/datasets/dataset-page";
import { Prefetch, serverTrpc } from "@/server/prefetch";

interface Props {
  params: Promise<{ team: string; dataset: string }>;
}

export const generateMetadata = async ({ params }: Props): Promise<Metadata> => ({
  title: (await params).dataset,
});

export default async function Dataset({ params }: Props) {
  const { team, dataset } = await params;
  return (
    <Prefetch queries={[serverTrpc().datasets.page.queryOptions({ team, dataset })]}>
      <DatasetPage team={team} dataset={dataset} />
    </Prefetch>
  );
}
