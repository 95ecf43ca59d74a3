"use client";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { LiveChart } from "@/components/charts/live-chart";
import { useTRPC } from "@/components/trpc/client";
import { QueryError } from "@/components/trpc/query-error";
import { LinkButton } from "@/components/ui/button";
import { EmptyState } from "@/components/ui/feedback";
import { count, datetime } from "@/components/ui/format";
import { PanelLoading } from "@/components/ui/loading";
import { PageHeader } from "@/components/ui/page-header";
import { Panel } from "@/components/ui/panel";
import { Segmented } from "@/components/ui/segmented";
import { Table } from "@/components/ui/table";
import { useUrlState } from "@/components/ui/use-url-state";
import { type PoolLimits, readLimits, writeLimits } from "./replay-address";
import { ReplayLimits } from "./replay-limits";
import {
  assumptionsSay,
  cellSays,
  differenceSays,
  errorSays,
  FIGURES,
  LAST,
  type Span,
} from "./replay-words";
import type { Replay } from "./types";
import { useOverview } from "./use-overview";
import { useSettled } from "./use-settled";

const DAY_MS = 86_400_000;
const OPTIONS = [
  { value: "24h", label: "24 h" },
  { value: "7d", label: "7 d" },
  { value: "30d", label: "30 d" },
] as const;

/** The past of the cluster under other limits; the limits and the time are in the address. */
export function ReplayPage({ team }: { team: string }) {
  const trpc = useTRPC();
  const [typedSpan, setSpan] = useUrlState("span");
  const span: Span = typedSpan === "24h" || typedSpan === "30d" ? typedSpan : "7d";
  const [text, setText] = useUrlState("limits");
  const limits = useMemo(() => readLimits(text), [text]);
  const asked = useSettled(limits, 300);
  const overview = useOverview(team);
  const replay = useQuery(
    trpc.cluster.replay.queryOptions(
      { team, span, pools: asked },
      { placeholderData: keepPreviousData, staleTime: Number.POSITIVE_INFINITY },
    ),
  );
  // Fields hold what is typed; those of a pool begin anew where it is put back.
  const [turns, setTurns] = useState<Record<string, number>>({});
  const edit = (pool: string, next: PoolLimits | null) =>
    setText(writeLimits([...limits.filter((one) => one.pool !== pool), ...(next ? [next] : [])]));
  const error = replay.error ?? overview.error;
  return (
    <>
      <PageHeader
        title="Replay"
        meta={`${LAST[span]} under other limits${replay.data ? sinceSays(replay.data) : ""}`}
        crumbs={[{ label: "Cluster", href: `/${team}/cluster` }, { label: "Replay" }]}
        actions={<Segmented label="Time played" options={OPTIONS} value={span} onValueChange={setSpan} />}
      />
      {error ? (
        <Panel title={LAST[span]}>
          <QueryError
            error={error}
            onRetry={() => {
              void overview.refetch();
              void replay.refetch();
            }}
          />
        </Panel>
      ) : replay.data === null ? (
        <Panel title={LAST[span]}>
          <EmptyState
            title="No history yet"
            actions={<LinkButton href={`/${team}/cluster`}>Open the cluster</LinkButton>}
          >
            Once nodes have been up, what ran on them can be played under other limits.
          </EmptyState>
        </Panel>
      ) : (
        <div className="g replay" aria-busy={replay.isFetching}>
          <div className="g">
            {overview.data?.pools.map((pool) => (
              <ReplayLimits
                key={`${pool.id} ${turns[pool.name] ?? 0}`}
                team={team}
                pool={pool}
                limits={limits}
                onEdit={(next) => edit(pool.name, next)}
                onReset={() => {
                  edit(pool.name, null);
                  setTurns((before) => ({ ...before, [pool.name]: (before[pool.name] ?? 0) + 1 }));
                }}
              />
            ))}
          </div>
          <div className="g">
            {replay.data ? (
              <Outcome replay={replay.data} />
            ) : (
              <PanelLoading title="Side by side" height={420} />
            )}
          </div>
        </div>
      )}
    </>
  );
}

/** Where less is known than was asked for. */
const sinceSays = ({ range, isWhole }: Replay): string =>
  isWhole ? "" : `, of which is known what was since ${datetime(range.from, "local")}`;

function Outcome({ replay }: { replay: Replay }) {
  const { was, asIs, asWouldBe } = replay;
  const wouldBe = asWouldBe ?? asIs;
  return (
    <>
      <Panel title="Side by side" subtitle={`${count(asIs.demands)} demands; ${errorSays(replay)}`}>
        <Table
          label="Figures side by side"
          tight
          rows={FIGURES}
          rowKey={(row) => `${row.label} ${FIGURES.indexOf(row)}`}
          columns={[
            {
              key: "what",
              head: "Figure",
              cell: (row) => <span className={row.isPart ? "t2 replay-part" : undefined}>{row.label}</span>,
            },
            { key: "was", head: "As it was", align: "end", cell: (row) => cellSays(row, was) },
            { key: "is", head: "Limits as they are", align: "end", cell: (row) => cellSays(row, asIs) },
            {
              key: "would",
              head: "As edited",
              align: "end",
              cell: (row) => (asWouldBe ? <b className="m">{cellSays(row, asWouldBe)}</b> : ""),
            },
            {
              key: "difference",
              head: "Difference",
              align: "end",
              cell: (row) => (asWouldBe ? differenceSays(row, asIs, wouldBe) : ""),
            },
          ]}
        />
        {!asWouldBe && <p className="body t2">Change a limit to see what it would have made of it.</p>}
      </Panel>
      <NodesChart replay={replay} />
      <p className="t3 s12">{assumptionsSay(replay)}</p>
    </>
  );
}

function NodesChart({ replay: { asIs, asWouldBe, range } }: { replay: Replay }) {
  const line = (key: string, label: string, color: string, { course }: typeof asIs) => ({
    ...{ key, label, color, hasBand: false },
    x: course.map(({ at }) => at),
    y: course.map(({ nodes }) => nodes),
  });
  const at = (moment: number) => datetime(moment);
  return (
    <LiveChart
      title="Nodes over time"
      subtitle="at most in each piece of the time"
      series={[
        line("is", "limits as they are", "var(--series-1)", asIs),
        ...(asWouldBe ? [line("would", "as edited", "var(--series-6)", asWouldBe)] : []),
      ]}
      yLabel="Nodes"
      xLabel="UTC"
      formatX={at}
      isTime
      formatTick={(moment) => {
        const said = at(moment)
          .replace(/ \d{4},/, "")
          .slice(0, -7);
        return moment % DAY_MS === 0 ? said.slice(0, -6) : said;
      }}
      formatY={count}
      includeY={[0]}
      xDomain={[range.from, range.to]}
      height={200}
    />
  );
}
