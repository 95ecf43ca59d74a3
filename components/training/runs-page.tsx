"use client";
import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { useRouter, useSearchParams } from "next/navigation";
import { readError, useTRPC } from "@/components/trpc/client";
import { Age } from "@/components/ui/age";
import { LinkButton } from "@/components/ui/button";
import { EmptyState, ErrorState } from "@/components/ui/feedback";
import { Input } from "@/components/ui/field";
import { duration, percent } from "@/components/ui/format";
import { PageHeader } from "@/components/ui/page-header";
import { Panel } from "@/components/ui/panel";
import { Bar } from "@/components/ui/progress";
import { Segmented } from "@/components/ui/segmented";
import { StatusDot } from "@/components/ui/status";
import { Table } from "@/components/ui/table";
import { runSays, shapeOf } from "./run-words";
import type { RunRow } from "./types";

const KINDS = [
  { value: "train", label: "training" },
  { value: "all", label: "all runs" },
] as const;
type KindChoice = (typeof KINDS)[number]["value"];

/** Filters live in the address: a link shows a colleague the same list. */
export function RunsPage({ team }: { team: string }) {
  const trpc = useTRPC();
  const router = useRouter();
  const params = useSearchParams();
  const kind: KindChoice = params.get("kind") === "all" ? "all" : "train";
  const query = params.get("q") ?? "";
  const set = (name: string, value: string) => {
    const next = new URLSearchParams(params);
    if (value) next.set(name, value);
    else next.delete(name);
    router.replace(`?${next}`, { scroll: false });
  };
  const runs = useInfiniteQuery(
    trpc.runs.list.infiniteQueryOptions(
      { team, limit: 50, ...(kind === "train" && { kinds: ["train", "script"] }), ...(query && { query }) },
      { getNextPageParam: (page) => page.nextCursor, placeholderData: keepPreviousData },
    ),
  );
  const rows = runs.data?.pages.flatMap((page) => page.runs) ?? [];
  const problem = runs.error && readError(runs.error);
  return (
    <>
      <PageHeader
        title="Training"
        meta="everything executed on the cluster is a run; open one to watch it"
        crumbs={[{ label: "Training" }]}
        actions={
          <LinkButton variant="primary" href={`/${team}/training/new`}>
            New run…
          </LinkButton>
        }
      />
      <Panel
        title="Runs"
        tools={
          <>
            <Input
              aria-label="Search runs"
              placeholder="Title or number"
              defaultValue={query}
              onValueChange={(value) => set("q", value.trim())}
            />
            <Segmented
              label="Kind"
              options={KINDS}
              value={kind}
              onValueChange={(value) => set("kind", value === "all" ? "all" : "")}
            />
          </>
        }
      >
        {problem ? (
          <ErrorState
            what={problem.message}
            remedy={problem.remedy}
            requestId={problem.requestId}
            onRetry={() => void runs.refetch()}
          />
        ) : (
          <Table
            label="Runs"
            rows={rows}
            rowKey={(r) => r.id}
            rowHref={(r) => `/${team}/training/${r.number}`}
            flag={(r) => (r.state === "failed" ? "bad" : undefined)}
            loading={runs.isPending}
            loadingMore={runs.isFetchingNextPage}
            onEndReached={() => runs.hasNextPage && !runs.isFetchingNextPage && void runs.fetchNextPage()}
            empty={
              <EmptyState
                title={query ? "No run matches" : "No runs yet"}
                actions={
                  <LinkButton variant="primary" href={`/${team}/models`}>
                    Open models
                  </LinkButton>
                }
              >
                Compress a version in the studio, commit it, then recover what it lost by training on the
                cluster.
              </EmptyState>
            }
            columns={COLUMNS}
          />
        )}
      </Panel>
    </>
  );
}

const COLUMNS = [
  {
    key: "number",
    head: "Run",
    width: "70px",
    cell: (r: RunRow) => <span className="m num">{r.number}</span>,
  },
  { key: "title", head: "What", cell: (r: RunRow) => r.title },
  {
    key: "state",
    head: "State",
    width: "190px",
    cell: (r: RunRow) => (
      <StatusDot state={shapeOf(r.state)}>
        {runSays(r.state, r.attempts, r.stopRequestedAt !== null)}
      </StatusDot>
    ),
  },
  { key: "progress", head: "Progress", width: "170px", cell: (r: RunRow) => <RowProgress run={r} /> },
  {
    key: "left",
    head: "Left",
    width: "80px",
    align: "end" as const,
    cell: (r: RunRow) =>
      r.state === "running" && r.progress?.etaSeconds != null ? duration(r.progress.etaSeconds) : "",
  },
  {
    key: "workers",
    head: "Workers",
    width: "80px",
    align: "end" as const,
    cell: (r: RunRow) => r.resources.workers,
  },
  {
    key: "took",
    head: "Took",
    width: "90px",
    align: "end" as const,
    cell: (r: RunRow) =>
      r.startedAt && r.endedAt ? duration((r.endedAt.getTime() - r.startedAt.getTime()) / 1000) : "",
  },
  { key: "by", head: "By", width: "140px", cell: (r: RunRow) => r.createdByName ?? "system" },
  {
    key: "created",
    head: "Made",
    width: "110px",
    align: "end" as const,
    cell: (r: RunRow) => <Age at={r.createdAt.getTime()} form="ago" />,
  },
];

function RowProgress({ run }: { run: RunRow }) {
  if (run.state === "succeeded" || run.progress?.percent == null) return null;
  const share = run.progress.percent / 100;
  return (
    <span className="row">
      <Bar
        value={share}
        label={run.title}
        tone={run.state === "failed" ? "bad" : "accent"}
        className="grow"
      />
      <span className="num s12">{percent(share, 0)}</span>
    </span>
  );
}
