"use client";
import Link from "next/link";
import { useMemo, useState } from "react";
import { EmptyState } from "@/components/ui/feedback";
import { bytes, count, ms, percent } from "@/components/ui/format";
import { Panel } from "@/components/ui/panel";
import { SearchField } from "@/components/ui/search-field";
import { type Column, type Sort, Table } from "@/components/ui/table";
import { useUrlState } from "@/components/ui/use-url-state";
import type { Inspection, LayerTimes } from "@/server/models/contract";
import { GraphPanel } from "./graph-panel";
import { HistogramMark, LayerPanel } from "./layer-panel";
import { arrange, type LayerRow, layerRows } from "./layer-rows";

interface Props {
  inspection: Inspection;
  /** Of the newest evaluation that profiled this version. */
  times: LayerTimes | null;
  /** Where a sensitivity scan is run. */
  studio: string;
}

/** Graph and layer table of a version; what is selected in one is in the other, and in the address. */
export function LayersPanel({ inspection, times, studio }: Props) {
  const [selected, select] = useUrlState("node");
  const [sort, setSort] = useState<Sort>();
  const [query, setQuery] = useState("");
  const rows = useMemo(() => layerRows(inspection, times), [inspection, times]);
  const nodes = inspection.graph?.nodes;
  const node = nodes?.find((other) => other.name === selected);
  const row = rows.find((other) => other.name === (node ? node.layer : selected));
  const shown = arrange(rows, query, sort);
  const press = (pressed: LayerRow) =>
    select(nodes?.find((other) => other.layer === pressed.name)?.name ?? pressed.name);
  return (
    <>
      <GraphPanel inspection={inspection} selected={selected} onSelect={select} />
      <Panel
        title="Layers"
        subtitle={`${rows.length} with weights${sort ? "" : ", in graph order"}; ${count(inspection.parameters)} parameters`}
        tools={<SearchField value={query} onValueChange={setQuery} placeholder="Search layers" />}
      >
        {(row || node) && <LayerPanel key={row?.index ?? node?.name} row={row} node={node} />}
        <Table
          label="Layers"
          columns={COLUMNS}
          rows={shown}
          rowKey={(layer) => String(layer.index)}
          onRowPress={press}
          isSelected={(layer) => layer.index === row?.index}
          sort={sort}
          onSort={setSort}
          tight
          maxHeight={560}
          empty={
            <EmptyState title="No layer matches">No name, operator or shape holds “{query}”.</EmptyState>
          }
        />
        <p className="body t2 s12">
          {times
            ? `Shares of latency: ${ms(times.totalMs)} in ONNX Runtime’s kernels at batch ${times.batch}, one thread, median of ${count(times.runs)} profiled runs. A fused layer runs inside the one before it.`
            : "Shares of latency come with an evaluation that times this version; none has yet. Shares of MACs are counted from the graph."}{" "}
          A sensitivity scan is kept by its studio session only:{" "}
          <Link className="link underline" href={studio}>
            run one in the studio
          </Link>
          .
        </p>
      </Panel>
    </>
  );
}

const dash = (why: string) => (
  <span className="t3" title={why}>
    –<span className="sr-only"> {why}</span>
  </span>
);

const COLUMNS: Column<LayerRow>[] = [
  {
    key: "name",
    head: "Layer",
    sortable: true,
    cell: (layer) => <span title={layer.name}>{layer.name}</span>,
  },
  {
    key: "op",
    head: "Op",
    sortable: true,
    width: "84px",
    cell: (layer) => <span title={layer.op}>{layer.op}</span>,
  },
  { key: "shape", head: "Shape", width: "96px", cell: (layer) => layer.shape.join("×") },
  {
    key: "parameters",
    head: "Parameters",
    align: "end",
    sortable: true,
    width: "96px",
    cell: (layer) => count(layer.parameters),
  },
  {
    key: "weights",
    head: "Weights",
    width: "86px",
    cell: (layer) =>
      layer.weights ? <HistogramMark name={layer.name} weights={layer.weights} /> : dash("no histogram kept"),
  },
  {
    key: "zeros",
    head: "Zeros",
    align: "end",
    sortable: true,
    width: "72px",
    cell: (layer) => (layer.zeroShare === null ? dash("not counted") : percent(layer.zeroShare)),
  },
  {
    key: "bytes",
    head: "Bytes",
    align: "end",
    sortable: true,
    width: "120px",
    cell: (layer) => (
      <>
        <span className="t2">{percent(layer.byteShare)}</span> {bytes(layer.bytes)}
      </>
    ),
  },
  {
    key: "macs",
    head: "MACs",
    align: "end",
    sortable: true,
    width: "72px",
    cell: (layer) =>
      layer.macShare === null ? dash("not counted for this operator") : percent(layer.macShare),
  },
  {
    key: "time",
    head: "Latency",
    align: "end",
    sortable: true,
    width: "76px",
    cell: (layer) =>
      layer.timeShare === null ? (
        dash("not profiled yet; evaluate this version")
      ) : layer.timeShare === "fused" ? (
        <span className="t3">fused</span>
      ) : (
        percent(layer.timeShare)
      ),
  },
];
