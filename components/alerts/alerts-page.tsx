"use client";
import { useInfiniteQuery, useMutation } from "@tanstack/react-query";
import { type Outputs, readError, useTRPC } from "@/components/trpc/client";
import { QueryError } from "@/components/trpc/query-error";
import { useMay } from "@/components/trpc/use-may";
import { Age } from "@/components/ui/age";
import { Button, LinkButton, TextAction } from "@/components/ui/button";
import { EmptyState } from "@/components/ui/feedback";
import { datetime, duration, plural } from "@/components/ui/format";
import { PageHeader } from "@/components/ui/page-header";
import { Panel } from "@/components/ui/panel";
import { StatusDot } from "@/components/ui/status";
import { type Column, Table } from "@/components/ui/table";
import { useToast } from "@/components/ui/toast";
import { useUrlState } from "@/components/ui/use-url-state";
import { IncidentSheet } from "./incident-sheet";

type Alerts = Outputs["alerts"]["list"];
export type Firing = Alerts["firing"][number];
type Resolved = Alerts["resolved"][number];

const what: Column<Firing | Resolved> = {
  key: "what",
  head: "What",
  cell: (a) => (
    <StatusDot
      title={a.title}
      state={a.state === "resolved" ? "off" : a.severity === "bad" ? "bad" : "warning"}
    >
      {a.title}
    </StatusDot>
  ),
};
const FIRING: readonly Column<Firing>[] = [
  what,
  {
    key: "since",
    head: "For",
    width: "112px",
    align: "end",
    cell: (a) => <Age at={a.beganAt.getTime()} />,
  },
  {
    key: "taken",
    head: "Taken by",
    width: "176px",
    cell: (a) => a.takenBy ?? <span className="t3">nobody{a.isSilenced && ", silenced"}</span>,
  },
];
const OVER: readonly Column<Resolved>[] = [
  what,
  {
    key: "at",
    head: "Began",
    width: "192px",
    cell: (a) => datetime(a.beganAt.getTime()),
  },
  {
    key: "lasted",
    head: "Lasted",
    width: "112px",
    align: "end",
    cell: (a) => (a.resolvedAt ? duration((a.resolvedAt.getTime() - a.beganAt.getTime()) / 1000) : ""),
  },
  {
    key: "taken",
    head: "Taken by",
    width: "176px",
    cell: (a) => a.takenBy ?? <span className="t3">nobody</span>,
  },
];

/** "3 problems, 2 taken up or silenced": the first are as many as the top bar says. */
function firingSays(firing: readonly Firing[]): string {
  const open = firing.filter(({ takenBy, isSilenced }) => takenBy === null && !isSilenced).length;
  const handled = firing.length - open;
  const parts = [open > 0 && plural(open, "problem"), handled > 0 && `${handled} taken up or silenced`];
  return parts.filter(Boolean).join(", ") || "nothing fires";
}

/** What fires, what is kept quiet, and what is over; a row opens to what changed around it. */
export function AlertsPage({ team }: { team: string }) {
  const trpc = useTRPC();
  const [, open] = useUrlState("alert");
  const list = useInfiniteQuery(
    trpc.alerts.list.infiniteQueryOptions({ team }, { getNextPageParam: (page) => page.next ?? undefined }),
  );
  const [first] = list.data?.pages ?? [];
  const over = list.data?.pages.flatMap((page) => page.resolved) ?? [];
  const press = (alert: { id: string }) => open(alert.id);
  return (
    <>
      <PageHeader
        title="Alerts"
        meta={first && firingSays(first.firing)}
        crumbs={[{ label: "Alerts" }]}
        actions={<LinkButton href={`/${team}/settings/alerts`}>Rules</LinkButton>}
      />
      {list.error && !first ? (
        <Panel title="Firing">
          <QueryError
            error={list.error}
            remedy="What fires is told to webhooks all the same; only this list is missing."
            onRetry={list.refetch}
          />
        </Panel>
      ) : (
        <div className="g">
          <Panel title="Firing" subtitle="the worst first">
            <Table<Firing>
              label="Alerts that fire"
              rows={first?.firing ?? []}
              rowKey={(a) => a.id}
              loading={list.isPending}
              onRowPress={press}
              flag={(a) => (a.severity === "bad" ? "bad" : "warn")}
              columns={FIRING}
              minFlexible={200}
              empty={
                <EmptyState title="Nothing fires">
                  What is told by itself: production without a replica, failing or slow; runs that fail, wait
                  or lag; a cluster that is away or at its limit; disks that fill; and what the team’s own
                  rules find.
                </EmptyState>
              }
            />
          </Panel>
          {first && first.silences.length > 0 && <SilencesPanel team={team} silences={first.silences} />}
          <Panel title="Over">
            <Table<Resolved>
              label="Alerts that are over"
              rows={over}
              rowKey={(a) => a.id}
              loading={list.isPending}
              loadingMore={list.isFetchingNextPage}
              onEndReached={() => list.hasNextPage && !list.isFetchingNextPage && void list.fetchNextPage()}
              onRowPress={press}
              columns={OVER}
              minFlexible={200}
              empty={<EmptyState title="No alert yet">Those that are over are kept here.</EmptyState>}
            />
            {list.hasNextPage && (
              <div className="body">
                <Button onClick={() => void list.fetchNextPage()}>Show more</Button>
              </div>
            )}
          </Panel>
        </div>
      )}
      <IncidentSheet team={team} />
    </>
  );
}

function SilencesPanel({ team, silences }: { team: string; silences: Alerts["silences"] }) {
  const trpc = useTRPC();
  const may = useMay(team);
  const toast = useToast();
  const end = useMutation(
    trpc.alerts.unsilence.mutationOptions({
      onError: (error) => toast({ state: "bad", title: readError(error).message }),
    }),
  );
  return (
    <Panel title="Silenced" subtitle={plural(silences.length, "silence")}>
      <Table
        label="Silences"
        rows={silences}
        rowKey={(s) => s.id}
        minFlexible={160}
        columns={[
          { key: "what", head: "Of", width: "240px", cell: (s) => <span title={s.matches}>{s.of}</span> },
          { key: "why", head: "Why", cell: (s) => <span title={s.reason}>{s.reason}</span> },
          { key: "by", head: "By", width: "160px", cell: (s) => s.by },
          { key: "until", head: "Until", width: "192px", cell: (s) => datetime(s.until.getTime()) },
          {
            key: "end",
            head: <span className="sr-only">End it</span>,
            width: "80px",
            align: "end",
            cell: (s) =>
              may("alert.handle") && (
                <TextAction onClick={() => end.mutate({ team, silenceId: s.id })} disabled={end.isPending}>
                  End it
                </TextAction>
              ),
          },
        ]}
      />
    </Panel>
  );
}
