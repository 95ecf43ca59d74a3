"use client";
import { useMemo } from "react";
import { cx } from "@/components/ui/cx";
import { Callout, EmptyState } from "@/components/ui/feedback";
import { bytes } from "@/components/ui/format";
import { Panel } from "@/components/ui/panel";
import { Segmented } from "@/components/ui/segmented";
import { useUrlState } from "@/components/ui/use-url-state";
import { NodeCards } from "./node-cards";
import { NodeMap } from "./node-map";
import { NodeTable } from "./node-table";
import { isOld, refusedSays } from "./node-words";
import type { ClusterNode, ClusterOverview } from "./types";
import { type Reading, useHeard, useReadings } from "./use-readings";

const VIEWS = [
  { value: "map", label: "Map" },
  { value: "table", label: "Table" },
] as const;
/** Up to so many nodes have room for all that is known of them. */
const CARDS_AT_MOST = 24;

export interface NodesProps {
  team: string;
  nodes: readonly ClusterNode[];
  readingOf: (serial: number) => Reading;
  onOpen: (id: string) => void;
}

/** The nodes that take work: a map whose cells shrink with their number, or a table. */
export function NodesPanel({ team, cluster }: { team: string; cluster: ClusterOverview }) {
  const readingOf = useReadings(team);
  const { health } = useHeard(team) ?? cluster;
  const [view, setView] = useUrlState("nodes");
  const [, open] = useUrlState("node");
  const nodes = useMemo(() => cluster.nodes.filter((n) => !n.isHead), [cluster.nodes]);
  const head = cluster.nodes.find((n) => n.isHead);
  const shown: NodesProps = { team, nodes, readingOf, onOpen: open };
  return (
    <Panel
      className={cx(isOld(health) && "cluster-old")}
      title="Nodes"
      subtitle={
        head
          ? `head at ${head.address}, ${bytes(head.memoryBytes)} memory; it takes no work`
          : "each is a live process of this cluster"
      }
      tools={
        <Segmented
          label="How nodes are shown"
          options={VIEWS}
          value={view === "table" ? "table" : "map"}
          onValueChange={(value) => setView(value === "map" ? "" : value)}
        />
      }
    >
      {cluster.failed.map((refused) => (
        <Callout key={refused.pool} state="warning">
          {refusedSays(refused)}
        </Callout>
      ))}
      {nodes.length === 0 ? (
        <NoNode agent={cluster.health.agent} />
      ) : view === "table" ? (
        <NodeTable {...shown} />
      ) : nodes.length <= CARDS_AT_MOST ? (
        <NodeCards {...shown} />
      ) : (
        <NodeMap {...shown} pools={cluster.pools} pending={cluster.pending} />
      )}
    </Panel>
  );
}

function NoNode({ agent }: { agent: ClusterOverview["health"]["agent"] }) {
  if (agent === "never")
    return (
      <EmptyState title="No cluster is connected">
        <span className="mono">python -m gpu_worker.agent --attach HOST:PORT</span> beside a Ray cluster
        connects it to this console. Whatever is launched waits until then.
      </EmptyState>
    );
  return (
    <EmptyState title="No node is up">
      Nodes start when a run, a studio session or a replica asks for them, and stop when they have nothing to
      do.
    </EmptyState>
  );
}
