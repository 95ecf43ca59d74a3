"use client";
import { useQuery } from "@tanstack/react-query";
import { useTRPC } from "@/components/trpc/client";
import { Age } from "@/components/ui/age";
import { LinkButton } from "@/components/ui/button";
import { cx } from "@/components/ui/cx";
import { count } from "@/components/ui/format";
import { PageHeader } from "@/components/ui/page-header";
import { StatusDot } from "@/components/ui/status";
import { CapacityPanel } from "./capacity-panel";
import { ClusterFailed, ClusterLoading } from "./cluster-loading";
import { DecisionSheet } from "./decision-sheet";
import { LedgerPanel } from "./ledger-panel";
import { NodeSheet } from "./node-sheet";
import { NodesPanel } from "./nodes-panel";
import { PoolsPanel } from "./pools-panel";
import type { ClusterOverview } from "./types";
import { useReadings } from "./use-readings";
import { WaitingPanel } from "./waiting-panel";
import { shortSays } from "./why-words";

/** The agent speaks at least every 5 seconds. */
const HEARTBEAT_MS = 5_000;
/** What changes is told by events; this mends what they missed. */
const MEND_MS = 15_000;

export function ClusterPage({ team }: { team: string }) {
  const trpc = useTRPC();
  const overview = useQuery(trpc.cluster.overview.queryOptions({ team }, { refetchInterval: MEND_MS }));
  const { readingOf, ...heard } = useReadings(team);
  if (overview.isPending) return <ClusterLoading />;
  if (!overview.data) return <ClusterFailed error={overview.error} onRetry={overview.refetch} />;
  const cluster = {
    ...overview.data,
    lastSeenAt: heard.lastSeenAt ?? overview.data.lastSeenAt,
    health: heard.health ?? overview.data.health,
  };
  return (
    <>
      <PageHeader
        title="Cluster"
        state={<Headline cluster={cluster} />}
        meta={<Meta cluster={cluster} />}
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
        <div className={cx(isOld(cluster) && "cluster-old")}>
          <NodesPanel team={team} cluster={cluster} readingOf={readingOf} />
        </div>
        <LedgerPanel team={team} />
        <PoolsPanel team={team} cluster={cluster} />
      </div>
      <NodeSheet team={team} />
      <DecisionSheet team={team} />
    </>
  );
}

/** Nobody tells of it now: what is shown is what was last seen. */
const isOld = ({ health }: ClusterOverview) => health.agent === "away" || health.ray === "silent";

/** The one sentence an operator wants: is anything short? */
function Headline({ cluster }: { cluster: ClusterOverview }) {
  if (!cluster.lastSeenAt) return <StatusDot state="pending">no agent has spoken yet</StatusDot>;
  if (cluster.health.agent === "away")
    return <StatusDot state="stale">the agent is silent: this is as it was last seen</StatusDot>;
  if (cluster.health.ray === "silent")
    return <StatusDot state="stale">Ray does not answer: this is as it was last seen</StatusDot>;
  const short = shortSays(cluster.waiting);
  if (short) return <StatusDot state="pending">{short}</StatusDot>;
  return <StatusDot state="ok">nothing waits</StatusDot>;
}

function Meta({ cluster }: { cluster: ClusterOverview }) {
  const nodes = cluster.nodes.filter((n) => !n.isHead);
  const starting = cluster.pending.reduce((sum, p) => sum + p.count, 0);
  return (
    <>
      {count(nodes.length)} {nodes.length === 1 ? "node" : "nodes"} ready
      {starting > 0 && `, ${count(starting)} starting`}
      {cluster.lastSeenAt && (
        <>
          ; agent heard <Age at={cluster.lastSeenAt.getTime()} periodMs={HEARTBEAT_MS} form="ago" />
        </>
      )}
    </>
  );
}
