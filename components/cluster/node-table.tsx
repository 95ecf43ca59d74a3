"use client";
import { useMemo } from "react";
import { Age } from "@/components/ui/age";
import { bytes, decimal, money } from "@/components/ui/format";
import { SearchField } from "@/components/ui/search-field";
import { StatusDot } from "@/components/ui/status";
import { type Column, Table } from "@/components/ui/table";
import { useUrlState } from "@/components/ui/use-url-state";
import { nodeSort, nodesInOrder } from "./node-order";
import { known, nodeSays } from "./node-words";
import type { NodesProps } from "./nodes-panel";
import type { ClusterNode } from "./types";
import { busyShare } from "./use-readings";

export function NodeTable({ nodes, readingOf, onOpen }: NodesProps) {
  const [order, setOrder] = useUrlState("sort");
  const [search, setSearch] = useUrlState("q");
  const sort = useMemo(() => nodeSort(order), [order]);
  const rows = useMemo(
    () => nodesInOrder(nodes, { search, sort, readingOf }),
    [nodes, readingOf, sort, search],
  );
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
        onSort={({ key, direction }) => setOrder(`${key}.${direction}`)}
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
    sortable: true,
    align: "end",
    width: "120px",
    cell: (node) => `${decimal(node.cpusUsed, node.cpusUsed % 1 ? 1 : 0)} of ${decimal(node.cpus)}`,
  },
  {
    key: "gpus",
    head: "GPUs asked for",
    sortable: true,
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
    sortable: true,
    align: "end",
    width: "90px",
    cell: (node) => known(node.pricePerHour, money),
  },
];
