"use client";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { readError, useTRPC } from "@/components/trpc/client";
import { useMay } from "@/components/trpc/use-may";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { EmptyState } from "@/components/ui/feedback";
import { Field, Input } from "@/components/ui/field";
import { money } from "@/components/ui/format";
import { Panel } from "@/components/ui/panel";
import { Table } from "@/components/ui/table";
import type { ClusterOverview } from "./types";

type Pool = ClusterOverview["pools"][number];

/** What the autoscaler may start, and what an hour of it costs. */
export function PoolsPanel({ team, cluster }: { team: string; cluster: ClusterOverview }) {
  const may = useMay(team);
  const [priced, setPriced] = useState<Pool | null>(null);
  return (
    <Panel id="pools" title="Pools" subtitle="what the autoscaler may start">
      <Table
        label="Pools"
        rows={cluster.pools}
        rowKey={(p) => p.id}
        empty={<EmptyState title="No pool">A pool says which nodes may be started, and how many.</EmptyState>}
        columns={[
          { key: "name", head: "Pool", cell: (p) => <span className="m">{p.name}</span> },
          {
            key: "node",
            head: "A node has",
            cell: (p) =>
              Object.entries(p.resources)
                .map(([name, n]) => `${n} ${name}`)
                .join(", "),
          },
          { key: "now", head: "Now", align: "end", cell: (p) => p.nodes },
          { key: "min", head: "Min", align: "end", cell: (p) => p.min },
          { key: "max", head: "Max", align: "end", cell: (p) => p.max },
          { key: "idle", head: "Idle timeout", align: "end", cell: (p) => `${p.idleSeconds} s` },
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
                  aria-label={`Price of ${p.name}`}
                  reason={may("pool.edit") ? undefined : "It takes an operator or an admin."}
                  onClick={() => setPriced(p)}
                >
                  Price…
                </Button>
              </span>
            ),
          },
        ]}
      />
      {priced && <PriceDialog key={priced.id} team={team} pool={priced} onClose={() => setPriced(null)} />}
    </Panel>
  );
}

function PriceDialog({ team, pool, onClose }: { team: string; pool: Pool; onClose: () => void }) {
  const trpc = useTRPC();
  const queryClient = useQueryClient();
  const [typed, setTyped] = useState(pool.pricePerHour?.toString() ?? "");
  const set = useMutation(
    trpc.cluster.setPrice.mutationOptions({
      onSuccess: async () => {
        await queryClient.invalidateQueries({ queryKey: trpc.cluster.overview.queryKey({ team }) });
        onClose();
      },
    }),
  );
  const problem = set.error && readError(set.error);
  const save = () => set.mutate({ team, pool: pool.name, pricePerHour: typed.trim() ? Number(typed) : null });
  return (
    <Dialog
      open
      onOpenChange={(open) => !open && onClose()}
      title={`Price of a node of ${pool.name}`}
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button variant="primary" onClick={save} busy={set.isPending ? "Setting…" : undefined}>
            Set the price
          </Button>
        </>
      }
    >
      <form
        className="col"
        onSubmit={(event) => {
          event.preventDefault();
          save();
        }}
      >
        <Field
          label="A node, per hour"
          hint="empty takes it away"
          error={problem?.fields.pricePerHour ?? problem?.message}
        >
          <Input autoFocus value={typed} onValueChange={setTyped} inputMode="decimal" unit="$" />
        </Field>
        <p className="t2">
          Nodes that are up cost it from their start on; nodes that are gone keep the price that they had.
          What a run costs is its share of its nodes.
        </p>
      </form>
    </Dialog>
  );
}
