"use client";
import { keepPreviousData, useQuery, useQueryClient } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { LiveChart } from "@/components/charts/live-chart";
import { useTail } from "@/components/live/provider";
import { useTRPC } from "@/components/trpc/client";
import { Button } from "@/components/ui/button";
import { EmptyState } from "@/components/ui/feedback";
import { Input } from "@/components/ui/field";
import { count, decimal, duration, plural } from "@/components/ui/format";
import { Panel } from "@/components/ui/panel";
import { Segmented } from "@/components/ui/segmented";
import { useUrlState } from "@/components/ui/use-url-state";
import { linesOf, metricsOf, type Over } from "./comparison";
import type { ComparedRun } from "./types";

/** So many charts at first: each is a query of its own. */
const AT_FIRST = 6;
/** Runs whose points are drawn as they arrive; those of others with the next change of a run. */
const FOLLOWED = 8;
const X_LABELS = { step: "Step", time: "Time since the first point", epoch: "Epoch" } as const;
const X_FORMATS = { step: count, time: duration, epoch: (epoch: number) => decimal(epoch, 2) } as const;

interface Props {
  team: string;
  runs: readonly ComparedRun[];
  hidden: ReadonlySet<number>;
}

/** A chart for every metric that two runs share, one line a run, under one cursor and one zoom. */
export function CompareCharts({ team, runs, hidden }: Props) {
  const trpc = useTRPC();
  const queryClient = useQueryClient();
  const [address, setOver] = useUrlState("over");
  const [range, setRange] = useState<readonly [number, number] | null>(null);
  const [typed, setTyped] = useState("");
  const [all, setAll] = useState(false);
  const withEpochs = runs.filter((run) => run.stepsAnEpoch !== null).length;
  const over: Over = address === "time" || (address === "epoch" && withEpochs > 0) ? address : "step";
  const shared = metricsOf(runs).filter((metric) => metric.runs >= Math.min(2, runs.length));
  const needle = typed.trim().toLowerCase();
  const found = shared.filter(({ name }) => name.toLowerCase().includes(needle));
  const shown = all ? found : found.slice(0, AT_FIRST);
  const live = runs.filter((run) => run.state === "running");
  const refresh = () => void queryClient.invalidateQueries({ queryKey: trpc.runs.compareMetric.queryKey() });
  return (
    <Panel
      title="Metrics"
      subtitle={
        over === "epoch" && withEpochs < runs.length
          ? `${plural(runs.length - withEpochs, "run")} without epochs left out`
          : "mean of each bucket; drag to zoom, double press for all"
      }
      tools={
        <>
          {shared.length > AT_FIRST && (
            <Input
              aria-label="Search metrics"
              placeholder="Search metrics"
              value={typed}
              onValueChange={setTyped}
            />
          )}
          <Segmented<Over>
            label="Drawn over"
            value={over}
            onValueChange={(value) => {
              setOver(value === "step" ? "" : value);
              setRange(null);
            }}
            options={[
              { value: "step", label: "over step" },
              { value: "time", label: "time" },
              {
                value: "epoch",
                label: "epoch",
                reason: withEpochs > 0 ? undefined : "No run says how many steps an epoch has.",
              },
            ]}
          />
        </>
      }
    >
      {live.slice(0, FOLLOWED).map((run) => (
        <Follow key={run.id} runId={run.id} onMetrics={refresh} />
      ))}
      {found.length === 0 ? (
        <EmptyState title={shared.length > 0 ? "No metric matches" : "No metric in common"}>
          {shared.length > 0
            ? "Other words find other metrics."
            : "Metrics that at least two of the runs logged are drawn here, one line a run."}
        </EmptyState>
      ) : (
        <div className="metric-grid">
          {shown.map(({ name }) => (
            <CompareChart key={name} {...{ team, runs, hidden, name, over, range }} onRange={setRange} />
          ))}
        </div>
      )}
      {shown.length < found.length && (
        <p className="logs-foot">
          <Button size="sm" onClick={() => setAll(true)}>
            Show all {count(found.length)} metrics
          </Button>
        </p>
      )}
    </Panel>
  );
}

function Follow({ runId, onMetrics }: { runId: string; onMetrics: () => void }) {
  useTail(runId, (what) => {
    if (what === "metrics") onMetrics();
  });
  return null;
}

interface ChartProps extends Props {
  name: string;
  over: Over;
  range: readonly [number, number] | null;
  onRange: (range: readonly [number, number] | null) => void;
}

function CompareChart({ team, runs, hidden, name, over, range, onRange }: ChartProps) {
  const trpc = useTRPC();
  const { data, isPending } = useQuery(
    trpc.runs.compareMetric.queryOptions(
      { team, runs: runs.map((run) => run.number), name, over: over === "time" ? "time" : "step" },
      { placeholderData: keepPreviousData },
    ),
  );
  const series = useMemo(() => linesOf(data?.series ?? [], runs, hidden, over), [data, runs, hidden, over]);
  return (
    <LiveChart
      isInner
      isLegendApart
      title={name}
      yLabel={name}
      xLabel={X_LABELS[over]}
      series={series}
      formatX={X_FORMATS[over]}
      formatTick={over === "time" ? duration : undefined}
      range={range}
      onRangeChange={onRange}
      syncKey={`compare-${over}`}
      empty={isPending ? "Loading…" : "No line in sight."}
      height={190}
    />
  );
}
