"use client";
import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useRouter, useSearchParams } from "next/navigation";
import { useState } from "react";
import { useTRPC } from "@/components/trpc/client";
import { QueryError } from "@/components/trpc/query-error";
import { useWhys } from "@/components/trpc/use-whys";
import { Button, LinkButton } from "@/components/ui/button";
import { EmptyState } from "@/components/ui/feedback";
import { Input } from "@/components/ui/field";
import { PageHeader } from "@/components/ui/page-header";
import { Panel } from "@/components/ui/panel";
import { Segmented } from "@/components/ui/segmented";
import { Select } from "@/components/ui/select";
import { Table } from "@/components/ui/table";
import { RunState } from "@/server/runs/contract";
import { ChosenRuns, useChoice } from "./chosen-runs";
import { ColumnsMenu } from "./columns-menu";
import { useMetricColumns, useMetricNames } from "./metric-columns";
import { useCosts, useCourses } from "./run-courses";
import { NUMBER, othersOf } from "./runs-columns";
import { useHiddenColumns } from "./use-hidden-columns";
import { ViewsMenu } from "./views-menu";

const KINDS = [
  { value: "train", label: "training" },
  { value: "all", label: "all runs" },
] as const;
type KindChoice = (typeof KINDS)[number]["value"];

const STATES = [
  { value: "any", label: "any state" },
  ...RunState.options.map((state) => ({ value: state, label: state })),
] as const;

const WHO = [
  { value: "all", label: "everyone" },
  { value: "mine", label: "mine" },
];

/** Filters live in the address: a link shows a colleague the same list. */
export function RunsPage({ team }: { team: string }) {
  const trpc = useTRPC();
  const router = useRouter();
  const params = useSearchParams();
  const kind: KindChoice = params.get("kind") === "all" ? "all" : "train";
  const query = params.get("q") ?? "";
  const state = RunState.safeParse(params.get("state")).data;
  const by = params.get("by") ?? "";
  const isMine = by === "mine";
  const modelId = params.get("model");
  const isFiltered = Boolean(query || state || by || modelId);
  const set = (name: string, value: string) => {
    const next = new URLSearchParams(params);
    if (value) next.set(name, value);
    else next.delete(name);
    router.replace(`?${next}`, { scroll: false });
  };
  const runs = useInfiniteQuery(
    trpc.runs.list.infiniteQueryOptions(
      {
        team,
        limit: 50,
        ...(kind === "train" && { kinds: ["train", "script"] }),
        ...(query && { query }),
        ...(state && { states: [state] }),
        ...(isMine ? { isMine } : by && { by }),
        ...(modelId && { modelId }),
      },
      { getNextPageParam: (page) => page.nextCursor, placeholderData: keepPreviousData },
    ),
  );
  const pages = runs.data?.pages.map((page) => page.runs) ?? [];
  const rows = pages.flat();
  const { data: launchers } = useQuery(trpc.runs.launchers.queryOptions({ team }));
  const why = useWhys(
    team,
    rows.some(({ state: of }) => of === "queued" || of === "running"),
  );
  const choice = useChoice(rows);
  /** What is typed into a field of its own begins again with each view. */
  const [chosenViews, setChosenViews] = useState(0);
  const [hidden, hide] = useHiddenColumns();
  const course = useCourses(team, pages, !hidden.includes("course"));
  const cost = useCosts(team, pages, !hidden.includes("cost"));
  const others = [
    ...othersOf(
      (id) => set("model", id),
      ({ id }) => why("run", id),
    ),
    course,
    cost,
  ];
  const metrics = params.getAll("metric");
  const metricNames = useMetricNames(team, pages, metrics);
  const metricColumns = useMetricColumns(team, pages, metrics);
  const setMetrics = (names: readonly string[]) => {
    const next = new URLSearchParams(params);
    next.delete("metric");
    for (const name of names) next.append("metric", name);
    router.replace(`?${next}`, { scroll: false });
  };
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
              key={chosenViews}
              defaultValue={query}
              onValueChange={(value) => set("q", value.trim())}
            />
            {modelId && (
              <Button size="sm" onClick={() => set("model", "")}>
                {rows.find((row) => row.model?.id === modelId)?.model?.name ?? "of one model"} ✕
              </Button>
            )}
            <span className="run-filter">
              <Select
                label="State"
                options={STATES}
                value={state ?? "any"}
                onValueChange={(value) => set("state", value === "any" ? "" : value)}
              />
            </span>
            <span className="run-filter">
              <Select
                label="Whose"
                options={[...WHO, ...(launchers ?? []).map(({ id, name }) => ({ value: id, label: name }))]}
                value={by || "all"}
                onValueChange={(value) => set("by", value === "all" ? "" : value)}
              />
            </span>
            <Segmented
              label="Kind"
              options={KINDS}
              value={kind}
              onValueChange={(value) => set("kind", value === "all" ? "all" : "")}
            />
            <ViewsMenu
              team={team}
              shown={{ query: params.toString(), hiddenColumns: hidden }}
              onChoose={(view) => {
                router.replace(`?${view.query}`, { scroll: false });
                hide(view.hiddenColumns);
                setChosenViews((n) => n + 1);
              }}
            />
            <ColumnsMenu
              columns={others}
              hidden={hidden}
              onHidden={hide}
              metrics={metricNames}
              chosen={metrics}
              onChosen={setMetrics}
            />
          </>
        }
      >
        <ChosenRuns team={team} choice={choice} />
        {runs.error ? (
          <QueryError error={runs.error} onRetry={runs.refetch} />
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
                title={isFiltered ? "No run matches" : "No runs yet"}
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
            columns={[
              NUMBER,
              choice.column,
              ...others.filter(({ key }) => !hidden.includes(key)),
              ...metricColumns,
            ]}
            minFlexible={200}
            isSelected={(row) => choice.chosen.some(({ id }) => id === row.id)}
          />
        )}
      </Panel>
    </>
  );
}
