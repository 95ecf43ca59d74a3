"use client";
import { useState } from "react";
import { bytes, count, percent } from "@/components/ui/format";
import { Panel } from "@/components/ui/panel";
import { Bar } from "@/components/ui/progress";
import { type Column, type Sort, Table } from "@/components/ui/table";
import type { Inspection, Layer } from "@/server/models/contract";

/** Layers with their share of the bytes; in graph order, or sorted on request. */
export function LayersPanel({ inspection: { layers, parameters, ops } }: { inspection: Inspection }) {
  const [sort, setSort] = useState<Sort>();
  const total = layers.reduce((sum, layer) => sum + layer.bytes, 0);
  const largest = Math.max(1, ...layers.map((layer) => layer.bytes));
  const shown = sort
    ? layers.toSorted((a, b) => (sort.direction === "asc" ? a.bytes - b.bytes : b.bytes - a.bytes))
    : layers;
  const columns: Column<Layer>[] = [
    { key: "name", head: "Layer", cell: (layer) => <span title={layer.name}>{layer.name}</span> },
    { key: "op", head: "Op", cell: (layer) => layer.op, width: "144px" },
    { key: "shape", head: "Shape", cell: (layer) => layer.shape.join("×"), width: "120px" },
    {
      key: "parameters",
      head: "Parameters",
      align: "end",
      width: "100px",
      cell: (layer) => count(layer.parameters),
    },
    {
      key: "share",
      head: "Share of bytes",
      width: "18%",
      cell: (layer) => (
        <Bar
          tone="ink"
          value={layer.bytes / largest}
          label={`${layer.name}: share of bytes relative to the largest layer`}
        />
      ),
    },
    {
      key: "percent",
      head: <span className="sr-only">Share of bytes in percent</span>,
      align: "end",
      width: "64px",
      cell: (layer) => <span className="t2">{percent(total ? layer.bytes / total : 0)}</span>,
    },
    {
      key: "bytes",
      head: "Bytes",
      align: "end",
      width: "92px",
      sortable: true,
      cell: (layer) => bytes(layer.bytes),
    },
  ];
  const nodes = ops.reduce((sum, op) => sum + op.count, 0);
  return (
    <Panel
      title="Layers"
      subtitle={`${layers.length} with weights${sort ? "" : ", in graph order"}; ${count(parameters)} parameters, ${nodes} nodes`}
    >
      <Table
        label="Layers"
        columns={columns}
        rows={shown}
        rowKey={(layer) => layer.name}
        sort={sort}
        onSort={setSort}
        tight
        maxHeight={560}
      />
    </Panel>
  );
}
