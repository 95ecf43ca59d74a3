"use client";
import { useWhys } from "@/components/trpc/use-whys";
import { Age } from "@/components/ui/age";
import { EmptyState } from "@/components/ui/feedback";
import { Panel } from "@/components/ui/panel";
import { StatusDot } from "@/components/ui/status";
import { type Column, Table } from "@/components/ui/table";
import { CrewLine } from "./crew-line";
import { ScalingButton, scalingWords } from "./scaling-button";
import { useIsPhone } from "./use-is-phone";
import { laneOf, type ModelPage, REPLICA_STATE } from "./words";

type Replica = ModelPage["replicas"][number];

function role(r: Replica): string {
  if (r.leavingAt) return "leaves";
  if (r.isServing) return "serves";
  if (r.isRolling) return "rolling out";
  return r.state === "ready" ? "kept warm" : "warming up";
}

const PLACE_COLUMNS: Column<Replica>[] = [
  {
    key: "node",
    head: "Node",
    cell: (r) =>
      r.node || r.address ? (
        <span className="mono" title={r.address ?? undefined}>
          {r.node ?? (r.address && new URL(r.address).host)}
        </span>
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

/** Serving processes of this model: how many of each version are wanted and ready, and each of them. */
export function ReplicasPanel({ team, page }: { team: string; page: ModelPage }) {
  const isPhone = useIsPhone();
  const { replicas, crews, scaling } = page;
  const wanted = replicas
    .filter((r) => r.undesiredAt === null)
    .toSorted((a, b) => Number(b.isServing) - Number(a.isServing) || b.version - a.version);
  const whyOf = useWhys(
    team,
    wanted.some((r) => r.state !== "ready" && !r.node),
  );
  return (
    <Panel
      title="Replicas"
      subtitle={`${scalingWords(scaling)}; the last two other versions keep one warm${scaling.min === 0 ? " while it is awake" : ""}`}
      tools={<ScalingButton team={team} page={page} />}
    >
      {crews.map((crew) => (
        <CrewLine key={crew.versionId} team={team} lane={laneOf(page)} crew={crew} />
      ))}
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
            cell: (r) => {
              const says = whyOf("replica", r.id) ?? r.message;
              return (
                <StatusDot state={REPLICA_STATE[r.state]} title={says || undefined}>
                  {r.state}
                  {r.state !== "ready" && says && <span className="t2">: {says}</span>}
                </StatusDot>
              );
            },
          },
          ...(isPhone ? [] : PLACE_COLUMNS),
        ]}
        empty={
          crews.some((crew) => crew.isAsleep || crew.wakesSince) ? (
            <EmptyState title="Asleep">A request starts a replica, and waits for it.</EmptyState>
          ) : (
            <EmptyState title="No replica is wanted">A release starts one.</EmptyState>
          )
        }
      />
    </Panel>
  );
}
