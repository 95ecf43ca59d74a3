"use client";
import { Age } from "@/components/ui/age";
import { Digest } from "@/components/ui/digest";
import { EmptyState } from "@/components/ui/feedback";
import { Panel } from "@/components/ui/panel";
import { StatusDot } from "@/components/ui/status";
import { type Column, Table } from "@/components/ui/table";
import { BrokenGlass } from "./broken-glass";
import { RELEASE_STATE, type Release, releaseWords, switchMs } from "./words";

interface Props {
  team: string;
  releases: readonly Release[];
  /** Names the model in each row: for lists across models. */
  withModel?: boolean;
}

/** Revisions, newest first, with how long each switch took. */
export function Timeline({ team, releases, withModel = false }: Props) {
  const columns: Column<Release>[] = [
    ...(withModel
      ? [
          { key: "model", head: "Model", cell: (r: Release) => <span className="m">{r.model}</span> },
          { key: "environment", head: "Environment", cell: (r: Release) => r.environment },
        ]
      : []),
    { key: "revision", head: "Revision", align: "end", cell: (r) => r.revision },
    {
      key: "what",
      head: "What",
      cell: (r) => (
        <span title={r.message || undefined}>
          {releaseWords(r)}
          {r.message && <span className="t2">: {r.message}</span>}
          {r.breakGlass !== null && <BrokenGlass reason={r.breakGlass} />}
        </span>
      ),
    },
    { key: "digest", head: "Digest", cell: (r) => <Digest value={r.digest} /> },
    {
      key: "state",
      head: "State",
      cell: (r) => {
        const { state, words } = RELEASE_STATE[r.state];
        return (
          <StatusDot state={state} title={r.message || undefined}>
            {r.rolledBackFrom && r.state === "replaced" ? "rolled back from" : words}
          </StatusDot>
        );
      },
    },
    {
      key: "switch",
      head: "Switch",
      align: "end",
      cell: (r) => (r.switchMs === null ? <span className="t3">not measured</span> : switchMs(r.switchMs)),
    },
    { key: "by", head: "By", cell: (r) => r.approvedBy ?? r.by },
    {
      key: "request",
      head: "Request",
      align: "end",
      cell: (r) =>
        r.request === null ? (
          <span className="t3">none</span>
        ) : (
          <a className="link" href={`/${team}/releases/requests/${r.request}`}>
            {r.request}
          </a>
        ),
    },
    { key: "when", head: "When", align: "end", cell: (r) => <Age at={r.createdAt.getTime()} form="ago" /> },
  ];
  return (
    <Panel
      title="Revisions"
      subtitle="newest first; a switch is measured until the gateway has applied the route"
    >
      <Table
        label="Revisions"
        columns={columns}
        rows={releases}
        rowKey={(r) => r.id}
        flag={(r) => (r.state === "failed" ? "bad" : undefined)}
        empty={
          <EmptyState title="No revision yet">A request that is let through makes the first one.</EmptyState>
        }
      />
    </Panel>
  );
}
