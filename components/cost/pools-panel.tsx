"use client";
import { EmptyState } from "@/components/ui/feedback";
import { money, percent } from "@/components/ui/format";
import { Panel } from "@/components/ui/panel";
import { type Column, Table } from "@/components/ui/table";
import type { Cost } from "./types";

type Whole = Cost["whole"][number];
const sum = ({ own, others, idle }: Omit<Whole, "pool" | "unpricedHours">) => own + others + idle;

/** All nodes of the month, whoever took them: what this page's figures are a part of. */
export function PoolsPanel({ whole }: { whole: readonly Whole[] }) {
  const over = (of: (pool: Whole) => number) => whole.reduce((total, pool) => total + of(pool), 0);
  const all = {
    pool: "All pools",
    own: over(({ own }) => own),
    others: over(({ others }) => others),
    idle: over(({ idle }) => idle),
    unpricedHours: 0,
  };
  return (
    <Panel title="The whole cluster" subtitle="what its nodes cost: all of it is somebody's, or idled">
      <Table
        label="The whole cluster"
        rows={whole.length > 1 ? [...whole, all] : whole}
        rowKey={({ pool }) => pool}
        empty={
          <EmptyState title="No node was up">Nodes of pools stand here, with what they cost.</EmptyState>
        }
        columns={COLUMNS}
      />
    </Panel>
  );
}

const COLUMNS: Column<Whole>[] = [
  { key: "pool", head: "Pool", cell: ({ pool }) => <span className="m">{pool}</span> },
  { key: "own", head: "This team", align: "end", cell: ({ own }) => money(own) },
  { key: "others", head: "Other teams", align: "end", cell: ({ others }) => money(others) },
  {
    key: "idle",
    head: "Idle, nobody's",
    align: "end",
    cell: (pool) => `${money(pool.idle)}${sum(pool) > 0 ? `, ${percent(pool.idle / sum(pool), 0)}` : ""}`,
  },
  {
    key: "sum",
    head: "Together",
    align: "end",
    cell: (pool) => <span className="m">{money(sum(pool))}</span>,
  },
];
