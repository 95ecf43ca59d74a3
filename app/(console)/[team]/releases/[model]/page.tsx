import type { Metadata } from "next";
import { ModelReleasesPage } from "@/components/releases/model-page";
import { Prefetch, serverTrpc } from "@/server/prefetch";
import { environmentNamed } from "@/server/releases/contract";

interface Props {
  params: Promise<{ team: string; model: string }>;
  searchParams: Promise<{ environment?: string | string[] }>;
}

export async function generateMetadata({ params, searchParams }: Props): Promise<Metadata> {
  const environment = environmentNamed((await searchParams).environment);
  return { title: `${(await params).model} in ${environment}` };
}

export default async function ModelReleases({ params, searchParams }: Props) {
  const { team, model } = await params;
  const environment = environmentNamed((await searchParams).environment);
  const trpc = serverTrpc();
  return (
    <Prefetch
      queries={[
        trpc.releases.model.queryOptions({ team, model, environment }),
        trpc.releases.rollout.queryOptions({ team, model, environment }),
        trpc.releases.traffic.queryOptions({ team }),
      ]}
    >
      <ModelReleasesPage team={team} model={model} />
    </Prefetch>
  );
}
