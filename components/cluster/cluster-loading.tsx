import type { readError } from "@/components/trpc/client";
import { QueryError } from "@/components/trpc/query-error";
import { PanelLoading } from "@/components/ui/loading";
import { PageHeader } from "@/components/ui/page-header";
import { Panel } from "@/components/ui/panel";

const Head = () => <PageHeader title="Cluster" crumbs={[{ label: "Cluster" }]} />;

/** The shapes of what comes. */
export function ClusterLoading() {
  return (
    <>
      <Head />
      <div className="g">
        <div className="g cluster-top">
          <PanelLoading title="Capacity and demand" height={330} />
          <PanelLoading title="Why pending" height={330} />
        </div>
        <PanelLoading title="Nodes" height={200} />
        <PanelLoading title="Ledger" height={320} />
      </div>
    </>
  );
}

interface FailedProps {
  error: Parameters<typeof readError>[0];
  onRetry: () => unknown;
}

export function ClusterFailed({ error, onRetry }: FailedProps) {
  return (
    <>
      <Head />
      <Panel title="Capacity, nodes and pools">
        <QueryError
          error={error}
          remedy="Nodes and what runs on them go on; only this page is missing."
          onRetry={onRetry}
        />
      </Panel>
    </>
  );
}
