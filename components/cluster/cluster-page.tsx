"use client";
import { Age } from "@/components/ui/age";
import { LinkButton } from "@/components/ui/button";
import { count } from "@/components/ui/format";
import { PageHeader } from "@/components/ui/page-header";
import { StatusDot } from "@/components/ui/status";
import { CapacityPanel } from "./capacity-panel";
import { ClusterFailed, ClusterLoading } from "./cluster-loading";
import { DecisionSheet } from "./decision-sheet";
import { LedgerPanel } from "./ledger-panel";
import { NodeSheet } from "./node-sheet";
import { isOld } from "./node-words";
import { NodesPanel } from "./nodes-panel";
import { PoolsPanel } from "./pools-panel";
import type { ClusterOverview } from "./types";
import { useOverview } from "./use-overview";
import { useHeard } from "./use-readings";
import { WaitingPanel } from "./waiting-panel";
import { shortSays } from "./why-words";

/** The agent speaks at least every 5 seconds. */
const HEARTBEAT_MS = 5_000;

export function ClusterPage({ team }: { team: string }) {
  const overview = useOverview(team);
  if (overview.isPending) return <ClusterLoading />;
  if (!overview.data) return <ClusterFailed error={overview.error} onRetry={overview.refetch} />;
  const cluster = overview.data;
  return (
    <>
      <PageHeader
        title="Cluster"
        state={<Headline team={team} cluster={cluster} />}
        meta={<Meta team={team} cluster={cluster} />}
        crumbs={[{ label: "Cluster" }]}
        actions={
          <>
            <LinkButton href={`/${team}/cluster/cost`}>Cost and budget</LinkButton>
            <LinkButton href={`/${team}/cluster/replay`}>Replay last week…</LinkButton>
          </>
        }
      />
      <div className="g" aria-live="polite">
        <div className="g cluster-top">
          <CapacityPanel team={team} />
          <WaitingPanel team={team} cluster={cluster} />
        </div>
        <NodesPanel team={team} cluster={cluster} />
        <LedgerPanel team={team} pools={cluster.pools.map(({ name }) => name)} />
        <PoolsPanel team={team} cluster={cluster} />
      </div>
      <NodeSheet team={team} />
      <DecisionSheet team={team} />
    </>
  );
}

interface OfCluster {
  team: string;
  cluster: ClusterOverview;
}

/** The one sentence an operator wants: is anything short? */
function Headline({ team, cluster }: OfCluster) {
  const { lastSeenAt, health } = useHeard(team) ?? cluster;
  if (!lastSeenAt) return <StatusDot state="pending">no agent has spoken yet</StatusDot>;
  if (health.agent === "away")
    return <StatusDot state="stale">the agent is silent: this is as it was last seen</StatusDot>;
  if (isOld(health))
    return <StatusDot state="stale">Ray does not answer: this is as it was last seen</StatusDot>;
  const short = shortSays(cluster.waiting);
  if (short) return <StatusDot state="pending">{short}</StatusDot>;
  return <StatusDot state="ok">nothing waits</StatusDot>;
}

function Meta({ team, cluster }: OfCluster) {
  const { lastSeenAt } = useHeard(team) ?? cluster;
  const nodes = cluster.nodes.filter((n) => !n.isHead);
  const starting = cluster.pending.reduce((sum, p) => sum + p.count, 0);
  return (
    <>
      {count(nodes.length)} {nodes.length === 1 ? "node" : "nodes"} ready
      {starting > 0 && `, ${count(starting)} starting`}
      {lastSeenAt && (
        <>
          ; agent heard <Age at={lastSeenAt.getTime()} periodMs={HEARTBEAT_MS} form="ago" />
        </>
      )}
    </>
  );
}
