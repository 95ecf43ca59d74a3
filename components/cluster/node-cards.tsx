"use client";
import Link from "next/link";
import { Age } from "@/components/ui/age";
import { TextAction } from "@/components/ui/button";
import { bytes, decimal, plural } from "@/components/ui/format";
import { Bar } from "@/components/ui/progress";
import { StatusDot } from "@/components/ui/status";
import { nodeSays, usedOf } from "./node-words";
import type { NodesProps } from "./nodes-panel";
import type { ClusterNode } from "./types";
import type { Reading } from "./use-readings";

/** Few nodes: each with its state, CPUs, memory, and what runs on it as links. */
export function NodeCards({ team, nodes, readingOf, onOpen }: NodesProps) {
  return (
    <ul className="nodes">
      {nodes.map((node) => (
        <Card
          key={node.id}
          team={team}
          node={node}
          reading={readingOf(node.serial)}
          onOpen={() => onOpen(node.id)}
        />
      ))}
    </ul>
  );
}

interface CardProps {
  team: string;
  node: ClusterNode;
  reading: Reading;
  onOpen: () => void;
}

function Card({ team, node, reading, onOpen }: CardProps) {
  const said = nodeSays(node);
  return (
    <li>
      <div className="row">
        <TextAction onClick={onOpen}>{node.name}</TextAction>
        <StatusDot state={said.shape}>{said.word}</StatusDot>
        <span className="grow" />
        <Age at={node.stateSince.getTime()} />
      </div>
      <p className="t2 s12">
        {decimal(node.cpusUsed, node.cpusUsed % 1 ? 1 : 0)} of {plural(node.cpus, "CPU")} asked for
        {reading.cpuPercent !== null && `, ${decimal(reading.cpuPercent / 100, 1)} busy`}
      </p>
      <Bar value={node.cpus > 0 ? node.cpusUsed / node.cpus : 0} label={`CPUs of ${node.name}`} />
      {node.gpus > 0 && (
        <p className="t2 s12">
          {decimal(node.gpusUsed, node.gpusUsed % 1 ? 1 : 0)} of {plural(node.gpus, "GPU")} asked for
          {reading.gpuPercent !== null && `, ${decimal(reading.gpuPercent)}% busy`}
          {node.gpuModel && `; ${node.gpuModel}`}
        </p>
      )}
      <p className="t2 s12">
        {usedOf(reading.memoryBytes, node.memoryBytes, bytes)} memory; {node.pool}
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
