"use client";
import Link from "next/link";
import { Age } from "@/components/ui/age";
import { EmptyState } from "@/components/ui/feedback";
import { bytes, decimal, percent } from "@/components/ui/format";
import { Panel } from "@/components/ui/panel";
import { Bar } from "@/components/ui/progress";
import type { State } from "@/components/ui/shape";
import { StatusDot } from "@/components/ui/status";
import type { ClusterNode, ClusterOverview } from "./types";

const SHAPES: Record<ClusterNode["state"], State> = {
  active: "running",
  idle: "ok",
  draining: "off",
  gone: "off",
};

/** Each node as a live cell: state, CPUs, memory, and what runs on it as links. */
export function NodesPanel({ team, cluster }: { team: string; cluster: ClusterOverview }) {
  const nodes = cluster.nodes.filter((n) => !n.isHead);
  const head = cluster.nodes.find((n) => n.isHead);
  return (
    <Panel
      title="Nodes"
      subtitle={
        head
          ? `head at ${head.address}, ${bytes(head.memoryBytes)} memory; it takes no work`
          : "each is a live process of this cluster"
      }
    >
      {nodes.length === 0 ? (
        <EmptyState title="No node is up">
          Nodes start when a run, a studio session or a replica asks for them, and stop when they have nothing
          to do.
        </EmptyState>
      ) : (
        <ul className="nodes">
          {nodes.map((node) => (
            <Node key={node.id} team={team} node={node} />
          ))}
        </ul>
      )}
    </Panel>
  );
}

function Node({ team, node }: { team: string; node: ClusterNode }) {
  return (
    <li>
      <div className="row">
        <span className="m">{node.name}</span>
        <StatusDot state={SHAPES[node.state]}>{node.state}</StatusDot>
        <span className="grow" />
        <Age at={node.stateSince.getTime()} />
      </div>
      <p className="t2 s12">
        {decimal(node.cpusUsed, node.cpusUsed % 1 ? 1 : 0)} of {decimal(node.cpus)} CPU asked for
        {node.cpuPercent !== null && `, ${percent(node.cpuPercent / 100, 0)} of a core busy`}
      </p>
      <Bar value={node.cpus > 0 ? node.cpusUsed / node.cpus : 0} label={`CPUs of ${node.name}`} />
      {node.gpus > 0 && (
        <p className="t2 s12">
          {node.gpusUsed} of {node.gpus} GPU{node.gpuModel && `, ${node.gpuModel}`}
        </p>
      )}
      <p className="t2 s12">
        {bytes(node.memoryUsedBytes)} of {bytes(node.memoryBytes)} memory; {node.pool}
      </p>
      <ul className="occupants">
        {node.occupants.map((o) => (
          <li key={`${o.kind}-${o.id}-${o.label}`}>
            {o.path ? <Link href={`/${team}/${o.path}`}>{o.label}</Link> : o.label}
          </li>
        ))}
        {node.occupants.length === 0 && <li className="t3">nothing runs on it</li>}
      </ul>
    </li>
  );
}
