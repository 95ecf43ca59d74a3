"use client";
import { Age } from "@/components/ui/age";
import { EmptyState } from "@/components/ui/feedback";
import { Panel } from "@/components/ui/panel";
import { StatusDot } from "@/components/ui/status";
import { type Column, Table } from "@/components/ui/table";
import { useIsPhone } from "./use-is-phone";
import { type ModelPage, REPLICA_STATE } from "./words";

type Replica = ModelPage["replicas"][number];

const role = (r: Replica): string =>
  r.isServing ? "serves" : r.isRolling ? "rolling out" : r.state === "ready" ? "kept warm" : "warming up";

const PLACE_COLUMNS: Column<Replica>[] = [
  {
    key: "address",
    head: "Address",
    cell: (r) =>
      r.address ? (
        <span className="mono">{new URL(r.address).host}</span>
      ) : (
        <span className="t3">not yet</span>
      ),
  },
  {
    key: "pid",
    head: "Process",
    align: "end",
    cell: (r) => r.pid ?? <span className="t3">not yet</span>,
  },
  {
    key: "age",
    head: "Ready",
    align: "end",
    cell: (r) =>
      r.readyAt ? <Age at={r.readyAt.getTime()} form="ago" /> : <span className="t3">not yet</span>,
  },
];

/** Serving processes of this model that are wanted, the serving version's first. */
export function ReplicasPanel({ replicas }: { replicas: readonly Replica[] }) {
  const isPhone = useIsPhone();
  const wanted = replicas
    .filter((r) => r.undesiredAt === null)
    .toSorted((a, b) => Number(b.isServing) - Number(a.isServing) || b.version - a.version);
  const ended = replicas.find((r) => r.undesiredAt !== null && r.state === "failed");
  return (
    <Panel title="Replicas" subtitle="the last two other versions keep one warm">
      <Table
        label="Replicas"
        rows={wanted}
        rowKey={(r) => r.id}
        flag={(r) => (r.state === "failed" ? "bad" : undefined)}
        columns={[
          {
            key: "version",
            head: "Version",
            cell: (r) => (
              <span className="m">
                <i className={r.isServing ? "key production" : r.isRolling ? "key candidate" : "key left"} />v
                {r.version}
              </span>
            ),
          },
          { key: "role", head: "Role", cell: role },
          {
            key: "state",
            head: "State",
            cell: (r) => (
              <StatusDot state={REPLICA_STATE[r.state]} title={r.message || undefined}>
                {r.state}
                {r.state !== "ready" && r.message && <span className="t2">: {r.message}</span>}
              </StatusDot>
            ),
          },
          ...(isPhone ? [] : PLACE_COLUMNS),
        ]}
        empty={<EmptyState title="No replica is wanted">Approving a request starts one.</EmptyState>}
      />
      {ended && (
        <div className="ph-row">
          <StatusDot state="warning">
            A replica of v{ended.version} ended: {ended.message || "it said nothing"}
          </StatusDot>
        </div>
      )}
    </Panel>
  );
}
