import Link from "next/link";
import { LinkButton } from "@/components/ui/button";
import { EmptyState } from "@/components/ui/feedback";
import { count, duration, money, percent } from "@/components/ui/format";
import { Panel } from "@/components/ui/panel";
import { Bar } from "@/components/ui/progress";
import { StatusDot } from "@/components/ui/status";
import { type Column, Table } from "@/components/ui/table";
import type { Overview } from "./types";

type Run = Overview["runs"]["shown"][number];

const COLUMNS: readonly Column<Run>[] = [
  { key: "run", head: "Run", width: "60px", cell: (r) => <span className="m num">{r.number}</span> },
  { key: "what", head: "What", cell: (r) => <span title={r.title}>{r.title}</span> },
  {
    key: "state",
    head: "State",
    width: "148px",
    cell: (r) => (
      <StatusDot state={r.state === "running" ? "running" : "pending"}>
        {r.stopRequestedAt ? "stopping" : r.attempts > 1 ? `${r.state}, attempt ${r.attempts}` : r.state}
      </StatusDot>
    ),
  },
  { key: "progress", head: "Progress", width: "132px", cell: (r) => <RunBar run={r} /> },
  {
    key: "left",
    head: "Left",
    align: "end",
    width: "72px",
    cell: (r) => (r.progress?.etaSeconds != null ? duration(r.progress.etaSeconds) : ""),
  },
  { key: "workers", head: "Workers", align: "end", width: "72px", cell: (r) => r.resources.workers },
  {
    key: "cost",
    head: "Cost",
    align: "end",
    width: "76px",
    cell: (r) => (r.cost ? money(r.cost.amount) : ""),
  },
  { key: "by", head: "By", width: "112px", cell: (r) => r.createdByName ?? "system" },
];

/** What goes on on the cluster now. */
export function RunsPanel({ team, runs }: { team: string; runs: Overview["runs"] }) {
  const says = [`${count(runs.running)} running`, runs.queued > 0 && `${count(runs.queued)} queued`].filter(
    Boolean,
  );
  return (
    <Panel
      title="Runs in progress"
      subtitle={says.join(", ")}
      tools={
        <Link className="link s12" href={`/${team}/training?kind=all`}>
          All runs
        </Link>
      }
    >
      <Table
        label="Runs in progress"
        rows={runs.shown}
        rowKey={(r) => r.id}
        rowHref={(r) => `/${team}/training/${r.number}`}
        columns={COLUMNS}
        minFlexible={140}
        empty={
          <EmptyState
            title="Nothing runs"
            actions={<LinkButton href={`/${team}/training/new`}>Train</LinkButton>}
          >
            Trainings, evaluations and what the studio commits are listed here while they go on.
          </EmptyState>
        }
      />
    </Panel>
  );
}

function RunBar({ run }: { run: Run }) {
  if (run.progress?.percent == null)
    return <span className="t3 clip">{run.progress?.message ?? "waits"}</span>;
  const share = run.progress.percent / 100;
  return (
    <span className="row">
      <Bar value={share} label={run.title} className="grow" />
      <span className="num s12">{percent(share, 0)}</span>
    </span>
  );
}
