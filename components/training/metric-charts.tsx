"use client";
import { keepPreviousData, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { LiveChart } from "@/components/charts/live-chart";
import { useTail } from "@/components/live/provider";
import { useTRPC } from "@/components/trpc/client";
import { Button } from "@/components/ui/button";
import { EmptyState, Skeleton } from "@/components/ui/feedback";
import { Input } from "@/components/ui/field";
import { count, significant } from "@/components/ui/format";
import { Panel } from "@/components/ui/panel";
import { Segmented } from "@/components/ui/segmented";
import type { LogMoment } from "./logs-panel";
import { type ChartSpec, metricQuery, momentOf, seriesOf, TRAINING_CHARTS } from "./series";

interface Props {
  team: string;
  run: number;
  runId: string;
  charts?: readonly ChartSpec[];
  totalSteps: number | null;
  /** What the charts wait for while there is no point; null for their first one. */
  waiting: string | null;
  /** A press on a chart leads to the log of that moment. */
  onMoment: (moment: LogMoment) => void;
}

export function MetricCharts(props: Props) {
  const { team, run, runId, charts = TRAINING_CHARTS, totalSteps, waiting, onMoment } = props;
  const trpc = useTRPC();
  const queryClient = useQueryClient();
  const [window, setWindow] = useState<"all" | "last">("all");
  const [range, setRange] = useState<readonly [number, number] | null>(null);
  useTail(runId, (what) => {
    if (what === "metrics")
      void queryClient.invalidateQueries({ queryKey: trpc.runs.metrics.queryKey({ team, run }) });
  });
  return (
    <Panel
      title="Metrics"
      subtitle="mean of each bucket, min to max of every step kept; press for the log, drag to zoom, double press for all"
      tools={
        <Segmented
          label="Steps shown"
          value={window}
          onValueChange={(value) => {
            setWindow(value);
            setRange(null);
          }}
          options={[
            { value: "all", label: "all" },
            { value: "last", label: "last 200" },
          ]}
        />
      }
    >
      <div className="metric-grid">
        {charts.map((chart) => (
          <MetricChart
            key={chart.name}
            team={team}
            run={run}
            chart={chart}
            last={window === "last" ? 200 : null}
            totalSteps={totalSteps}
            range={range}
            onRange={setRange}
            waiting={waiting}
            onMoment={onMoment}
          />
        ))}
      </div>
    </Panel>
  );
}

/** So many charts at first: each is a query of its own. */
const AT_FIRST = 12;

/** A chart for every metric that a script logged. */
export function LoggedCharts(props: Omit<Props, "charts" | "totalSteps">) {
  const trpc = useTRPC();
  const [typed, setTyped] = useState("");
  const [all, setAll] = useState(false);
  const { data, refetch, isPending } = useQuery(
    trpc.runs.series.queryOptions({ team: props.team, run: props.run }),
  );
  useTail(props.runId, (what) => {
    if (what === "metrics") void refetch();
  });
  const needle = typed.trim().toLowerCase();
  const known = data ?? [];
  const found = known.filter(({ name }) => name.toLowerCase().includes(needle));
  const shown = all ? found : found.slice(0, AT_FIRST);
  if (isPending) return <Skeleton />;
  if (known.length === 0)
    return (
      <Panel title="Metrics">
        <EmptyState title="No metric yet">
          {props.waiting ??
            "What the script logs with an MLflow client is drawn here; its output is in the log."}
        </EmptyState>
      </Panel>
    );
  return (
    <>
      {known.length > AT_FIRST && (
        <div className="row">
          <Input
            aria-label="Search metrics"
            placeholder="Search metrics"
            value={typed}
            onValueChange={setTyped}
          />
          <span className="t2 grow">
            {count(shown.length)} of {count(known.length)} metrics
          </span>
          {shown.length < found.length && (
            <Button size="sm" onClick={() => setAll(true)}>
              Show all {count(found.length)}
            </Button>
          )}
        </div>
      )}
      <MetricCharts
        {...props}
        totalSteps={null}
        charts={shown.map(({ name, ranks }) => ({
          name,
          title: name,
          yLabel: name,
          byRank: ranks.length > 1,
        }))}
      />
    </>
  );
}

interface ChartProps {
  team: string;
  run: number;
  chart: ChartSpec;
  last: number | null;
  totalSteps: number | null;
  range: readonly [number, number] | null;
  onRange: (range: readonly [number, number] | null) => void;
  waiting: string | null;
  onMoment: (moment: LogMoment) => void;
}

function MetricChart(props: ChartProps) {
  const { team, run, chart, last, totalSteps, range, onRange, waiting, onMoment } = props;
  const trpc = useTRPC();
  const { data, isPending } = useQuery(
    trpc.runs.metrics.queryOptions(
      {
        ...metricQuery(team, run, chart),
        ...(range && { from: Math.floor(range[0]), to: Math.ceil(range[1]) }),
        ...(last && { last }),
      },
      { placeholderData: keepPreviousData },
    ),
  );
  const wholeAxis = totalSteps && !last && !range ? ([0, totalSteps] as const) : undefined;
  return (
    <LiveChart
      isInner
      title={chart.title}
      yLabel={chart.yLabel}
      xLabel="Step"
      series={seriesOf(data?.series ?? [], chart)}
      includeY={chart.includeY}
      xDomain={wholeAxis}
      range={range}
      onRangeChange={onRange}
      syncKey={`run-${run}`}
      onPick={(step) => {
        const ts = momentOf(data?.series ?? [], step);
        if (ts !== null) onMoment({ rank: null, ts });
      }}
      formatY={significant}
      empty={isPending ? "Loading…" : (waiting ?? `Waiting for the first ${chart.comesWith ?? "step"}.`)}
      height={150}
    />
  );
}
