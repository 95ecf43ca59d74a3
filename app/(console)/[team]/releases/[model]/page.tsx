import type { Metadata } from "next";
import { ModelReleasesPage } from "@/components/releases/model-page";
import { Prefetch, serverTrpc } from "@/server/prefetch";

interface Props {
  params: Promise<{ team: string; model: string }>;
}

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  return { title: `${(await params).model} in production` };
}

export default async function ModelReleases({ params }: Props) {
  const { team, model } = await params;
  const trpc = serverTrpc();
  return (
    <Prefetch
      queries={[
        trpc.releases.model.queryOptions({ team, model }),
        trpc.releases.rollout.queryOptions({ team, model }),
        trpc.releases.traffic.queryOptions({ team }),
      ]}
    >
      <ModelReleasesPage team={team} model={model} />
    </Prefetch>
  );
}
