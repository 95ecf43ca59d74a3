"use client";
import { useMay } from "@/components/trpc/use-may";
import { Button } from "@/components/ui/button";
import { EmptyState } from "@/components/ui/feedback";
import { count, duration, money } from "@/components/ui/format";
import { Panel } from "@/components/ui/panel";
import { Table } from "@/components/ui/table";
import { useUrlState } from "@/components/ui/use-url-state";
import { scheduleSays } from "@/server/cluster/schedule-contract";
import { PoolDialog } from "./pool-dialog";
import { readLimits } from "./replay-address";
import type { ClusterOverview } from "./types";

/** What the autoscaler may start, and what an hour of it costs. */
export function PoolsPanel({ team, cluster }: { team: string; cluster: ClusterOverview }) {
  const may = useMay(team);
  // "local-cpu" or "local-cpu:8": the pool to edit, and the max that something which waits needs.
  const [asked, setAsked] = useUrlState("pool");
  const [limits, setLimits] = useUrlState("limits");
  const [name, max] = asked.split(":");
  const edited = may("pool.edit") ? cluster.pools.find((pool) => pool.name === name) : undefined;
  return (
    <Panel title="Pools" subtitle="what the autoscaler may start">
      <Table
        label="Pools"
        rows={cluster.pools}
        rowKey={(p) => p.id}
        empty={<EmptyState title="No pool">A pool says which nodes may be started, and how many.</EmptyState>}
        columns={[
          {
            key: "name",
            head: "Pool",
            cell: (p) => (
              <span className="pool-name">
                <span className="m">{p.name}</span>
                {p.preemptible && <span className="t3 s12">preemptible</span>}
                {p.schedule && (
                  <span className="t3 s12">
                    {p.schedule.min} to {p.schedule.max}: {scheduleSays(p.schedule)}; else {p.usual.min} to{" "}
                    {p.usual.max}
                  </span>
                )}
              </span>
            ),
          },
          {
            key: "node",
            head: "A node has",
            cell: (p) =>
              Object.entries(p.resources)
                .map(([name, n]) => `${n} ${name}`)
                .join(", "),
          },
          { key: "now", head: "Now", align: "end", cell: (p) => count(p.nodes) },
          { key: "min", head: "Min", align: "end", cell: (p) => count(p.min) },
          { key: "max", head: "Max", align: "end", cell: (p) => count(p.max) },
          { key: "idle", head: "Idle timeout", align: "end", cell: (p) => duration(p.idleSeconds) },
          {
            key: "price",
            head: "A node, per hour",
            align: "end",
            cell: (p) => (
              <span className="row">
                <span className="grow num">
                  {p.pricePerHour === null ? <span className="t3">no price</span> : money(p.pricePerHour)}
                </span>
                <Button
                  size="sm"
                  aria-label={`Edit ${p.name}`}
                  reason={may("pool.edit") ? undefined : "It takes an operator or an admin."}
                  onClick={() => setAsked(p.name)}
                >
                  Edit…
                </Button>
              </span>
            ),
          },
        ]}
      />
      {edited && (
        <PoolDialog
          key={edited.id}
          team={team}
          pool={edited}
          followsPools={cluster.followsPools}
          proposed={
            readLimits(limits).find(({ pool }) => pool === edited.name) ??
            (Number(max) > 0 ? { max: Number(max) } : {})
          }
          onClose={() => {
            setAsked("");
            setLimits("");
          }}
        />
      )}
    </Panel>
  );
}
