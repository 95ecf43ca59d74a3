"use client";
import type { Outputs } from "@/components/trpc/client";
import { Age } from "@/components/ui/age";
import { EmptyState } from "@/components/ui/feedback";
import { figureOf, figuresOf } from "@/components/ui/figure";
import { Panel } from "@/components/ui/panel";
import { StatusDot } from "@/components/ui/status";
import { Table } from "@/components/ui/table";
import { requestState } from "./words";

type Row = Outputs["releases"]["overview"]["requests"][number];

/** Promotion requests, those that wait first. */
export function RequestsPanel({ team, requests }: { team: string; requests: readonly Row[] }) {
  const waiting = requests.filter((r) => r.state === "open" || r.state === "measuring").length;
  const { head, prefix } = figuresOf(requests.map((r) => (r.difference === null ? null : r.task)));
  return (
    <Panel title="Requests" subtitle={waiting > 0 ? `${waiting} waiting` : "none waiting"}>
      <Table
        label="Promotion requests"
        rows={requests}
        rowKey={(r) => r.id}
        rowHref={(r) => `/${team}/releases/requests/${r.number}`}
        columns={[
          { key: "number", head: "Request", cell: (r) => <span className="m">Request {r.number}</span> },
          { key: "what", head: "Promotes", cell: (r) => `${r.model} v${r.version} to ${r.environment}` },
          {
            key: "state",
            head: "State",
            cell: (r) => <StatusDot state={requestState(r).state}>{requestState(r).words}</StatusDot>,
          },
          {
            key: "accuracy",
            head,
            align: "end",
            cell: (r) =>
              r.difference === null ? (
                <span className="t3">no comparison</span>
              ) : (
                `${prefix(r.task)}${figureOf(r.task).difference(r.difference)} ${figureOf(r.task).half(r.half)}`
              ),
          },
          {
            key: "gates",
            head: "Gates",
            align: "end",
            cell: (r) =>
              r.gates === 0 ? <span className="t3">not measured</span> : `${r.gatesPassed} of ${r.gates}`,
          },
          { key: "by", head: "By", cell: (r) => r.requestedBy },
          {
            key: "when",
            head: "When",
            align: "end",
            cell: (r) => <Age at={r.createdAt.getTime()} form="ago" />,
          },
        ]}
        empty={
          <EmptyState title="No requests yet">
            A request asks that one version serves production. It is made on a version’s page, and measured
            against what serves now.
          </EmptyState>
        }
      />
    </Panel>
  );
}
