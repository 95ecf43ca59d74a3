"use client";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { CapacityChart } from "@/components/charts/capacity-chart";
import { useTRPC } from "@/components/trpc/client";
import { QueryError } from "@/components/trpc/query-error";
import { useNow } from "@/components/ui/clock";
import { PanelLoading } from "@/components/ui/loading";
import { Panel } from "@/components/ui/panel";
import { Segmented } from "@/components/ui/segmented";
import { useUrlState } from "@/components/ui/use-url-state";

const SPANS = { "10m": 600_000, "1h": 3_600_000, "24h": 86_400_000 } as const;
type Span = keyof typeof SPANS;
const OPTIONS = (Object.keys(SPANS) as Span[]).map((value) => ({
  value,
  label: value.replace(/(\d+)/, "$1 "),
}));
const TITLE = "Capacity and demand";
/** What a chart with its lane of decisions takes. */
const CHART_PX = 330;
const UNITS = [
  { value: "gpu", label: "GPUs" },
  { value: "cpu", label: "CPUs" },
] as const;
/** Drawn on the axis; the ledger below has all. */
const MOST_DECISIONS = 100;
/** The window moves on in steps, so that each step is one question to the server. */
const STEP_MS = 5_000;

export function CapacityPanel({ team }: { team: string }) {
  const trpc = useTRPC();
  const [asked, setSpan] = useUrlState("t");
  const [unit, setUnit] = useUrlState("of");
  const span: Span = asked === "1h" || asked === "24h" ? asked : "10m";
  const now = useNow();
  const to = Math.ceil((now ?? 0) / STEP_MS) * STEP_MS;
  const from = to - SPANS[span];
  const capacity = useQuery(
    trpc.cluster.capacity.queryOptions(
      { team, from, to, width: 800 },
      // The next step asks anew.
      { placeholderData: keepPreviousData, enabled: now !== null, retry: false },
    ),
  );
  const ledger = useQuery(trpc.cluster.ledger.queryOptions({ team, limit: MOST_DECISIONS }));
  const events = useMemo(
    () =>
      (ledger.data?.decisions ?? [])
        .filter((d) => d.at.getTime() >= from)
        .map((d) => ({
          id: String(d.id),
          at: d.at.getTime(),
          until: d.achievedAt?.getTime(),
          direction: d.direction,
          label: `${d.direction === "up" ? "+" : "−"}${d.requested}`,
          isDone: d.achieved >= d.requested,
        })),
    [ledger.data, from],
  );
  if (capacity.error && !capacity.data)
    return (
      <Panel title={TITLE}>
        <QueryError
          error={capacity.error}
          remedy="The nodes below are as they are now; only their past is missing."
          onRetry={capacity.refetch}
        />
      </Panel>
    );
  if (now === null || !capacity.data) return <PanelLoading title={TITLE} height={CHART_PX} />;
  const rows = capacity.data;
  const hasGpus = rows.some(({ gpus, gpusWanted }) => gpus + gpusWanted > 0);
  const isGpu = hasGpus && unit !== "cpu";
  const steps = (of: (row: (typeof rows)[number]) => number) => {
    const points = rows.map((row) => ({ x: row.at, y: of(row) }));
    const last = points.at(-1);
    return last ? [...points, { x: now, y: last.y }] : [];
  };
  return (
    <CapacityChart
      title={TITLE}
      capacity={steps((r) => (isGpu ? r.gpus : r.cpus))}
      demand={steps((r) => (isGpu ? r.gpusWanted : r.cpusWanted))}
      events={events}
      now={now}
      range={[from, to]}
      unit={isGpu ? "GPUs" : "CPUs"}
      tools={
        <>
          {hasGpus && (
            <Segmented
              label="What is counted"
              options={UNITS}
              value={isGpu ? "gpu" : "cpu"}
              onValueChange={(next) => setUnit(next === "gpu" ? "" : next)}
            />
          )}
          <Segmented label="Time shown" options={OPTIONS} value={span} onValueChange={setSpan} />
        </>
      }
    />
  );
}
