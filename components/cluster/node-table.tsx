"use client";
import { useMemo, useState } from "react";
import { Age } from "@/components/ui/age";
import { bytes, decimal, money } from "@/components/ui/format";
import { SearchField } from "@/components/ui/search-field";
import { StatusDot } from "@/components/ui/status";
import { type Column, type Sort, Table } from "@/components/ui/table";
import { byName } from "@/server/platform/names-contract";
import { known, nodeSays } from "./node-words";
import type { NodesProps } from "./nodes-panel";
import type { ClusterNode } from "./types";
import { busyShare } from "./use-readings";

/** What each sortable column is sorted by; what is not known comes last. */
function keysOf(readingOf: NodesProps["readingOf"]): Record<string, (node: ClusterNode) => string | number> {
  return {
    name: (node) => node.name,
    state: (node) => nodeSays(node).word,
    since: (node) => -node.stateSince.getTime(),
    pool: (node) => node.pool,
    busy: (node) => busyShare(node, readingOf(node.serial)) ?? -1,
    memory: (node) => readingOf(node.serial).memoryBytes ?? -1,
    runs: (node) => node.occupants.length,
  };
}

export function NodeTable({ nodes, readingOf, onOpen }: NodesProps) {
  const [sort, setSort] = useState<Sort>({ key: "name", direction: "asc" });
  const [search, setSearch] = useState("");
  const rows = useMemo(() => {
    const key = keysOf(readingOf)[sort.key] ?? ((node: ClusterNode) => node.name);
    const sign = sort.direction === "asc" ? 1 : -1;
    const wanted = search.trim().toLowerCase();
    return nodes
      .filter((node) =>
        `${node.name} ${node.pool} ${node.address} ${nodeSays(node).word}`.toLowerCase().includes(wanted),
      )
      .map((node) => ({ node, key: key(node) }))
      .sort((a, b) => sign * byName(String(a.key), String(b.key)))
      .map(({ node }) => node);
  }, [nodes, readingOf, sort, search]);
  return (
    <>
      <div className="body">
        <SearchField
          placeholder="Nodes by name, pool, state or address"
          value={search}
          onValueChange={setSearch}
        />
      </div>
      <Table
        label="Nodes"
        tight
        rows={rows}
        rowKey={(node) => node.id}
        onRowPress={(node) => onOpen(node.id)}
        sort={sort}
        onSort={setSort}
        maxHeight={nodes.length > 12 ? 420 : undefined}
        empty={<p className="empty t2">No node has “{search}” in its name, pool, state or address.</p>}
        columns={columnsOf(readingOf)}
      />
    </>
  );
}

const columnsOf = (readingOf: NodesProps["readingOf"]): Column<ClusterNode>[] => [
  { key: "name", head: "Node", sortable: true, cell: (node) => <span className="m">{node.name}</span> },
  {
    key: "state",
    head: "State",
    sortable: true,
    width: "130px",
    cell: (node) => <StatusDot state={nodeSays(node).shape}>{nodeSays(node).word}</StatusDot>,
  },
  {
    key: "since",
    head: "Since",
    sortable: true,
    align: "end",
    width: "80px",
    cell: (node) => <Age at={node.stateSince.getTime()} />,
  },
  { key: "pool", head: "Pool", sortable: true, width: "120px", cell: (node) => node.pool },
  {
    key: "cpus",
    head: "CPUs asked for",
    align: "end",
    width: "120px",
    cell: (node) => `${decimal(node.cpusUsed, node.cpusUsed % 1 ? 1 : 0)} of ${decimal(node.cpus)}`,
  },
  {
    key: "gpus",
    head: "GPUs asked for",
    align: "end",
    width: "120px",
    cell: (node) => (node.gpus > 0 ? `${decimal(node.gpusUsed)} of ${decimal(node.gpus)}` : ""),
  },
  {
    key: "busy",
    head: "In use",
    sortable: true,
    align: "end",
    width: "90px",
    cell: (node) => known(busyShare(node, readingOf(node.serial)), (share) => `${decimal(share * 100)}%`),
  },
  {
    key: "memory",
    head: "Memory used",
    sortable: true,
    align: "end",
    width: "120px",
    cell: (node) => known(readingOf(node.serial).memoryBytes, bytes),
  },
  {
    key: "runs",
    head: "Runs on it",
    sortable: true,
    align: "end",
    width: "100px",
    cell: (node) => decimal(node.occupants.length),
  },
  {
    key: "price",
    head: "Per hour",
    align: "end",
    width: "90px",
    cell: (node) => known(node.pricePerHour, money),
  },
];
