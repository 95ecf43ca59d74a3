"use client";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { LiveChart } from "@/components/charts/live-chart";
import { useTRPC } from "@/components/trpc/client";
import { QueryError } from "@/components/trpc/query-error";
import { useNow } from "@/components/ui/clock";
import { Skeleton } from "@/components/ui/feedback";
import { bytes, bytesPerSecond, clockTime, decimal } from "@/components/ui/format";
import { Segmented } from "@/components/ui/segmented";
import { Select } from "@/components/ui/select";
import { usageSeries } from "./usage-series";

const whole = (unit: string) => (value: number) => `${decimal(value)}${unit}`;
const METRICS = {
  cpu: { label: "CPU", axis: "CPU, % of a core", say: whole("%") },
  memory: { label: "Memory", axis: "Memory", say: bytes },
  disk: { label: "Disk", axis: "Disk", say: bytes },
  received: { label: "Received", axis: "Received", say: bytesPerSecond },
  sent: { label: "Sent", axis: "Sent", say: bytesPerSecond },
  gpu: { label: "GPU", axis: "GPU, %", say: whole("%") },
  gpuMemory: { label: "GPU memory", axis: "GPU memory", say: bytes },
  celsius: { label: "GPU temperature", axis: "GPU, °C", say: whole(" °C") },
  watts: { label: "GPU power", axis: "GPU, W", say: whole(" W") },
} as const;
type Metric = keyof typeof METRICS;
const OF_GPU: ReadonlySet<Metric> = new Set(["gpu", "gpuMemory", "celsius", "watts"]);
const ALL = ["cpu", "memory", "disk", "received", "sent", "gpu", "gpuMemory", "celsius", "watts"] as const;

const SPANS = { "1h": 3_600_000, "24h": 86_400_000 } as const;
type Span = keyof typeof SPANS;
const SPAN_OPTIONS = [
  { value: "1h", label: "1 h" },
  { value: "24h", label: "24 h" },
] as const;
/** The window moves on in steps, so that each step is one question to the server. */
const STEP_MS = 30_000;

/** What a node used over the last hour or day; where nothing was heard the line stops. */
export function NodeUsage({ team, id, hasGpus }: { team: string; id: string; hasGpus: boolean }) {
  const trpc = useTRPC();
  const now = useNow();
  const [metric, setMetric] = useState<Metric>(hasGpus ? "gpu" : "cpu");
  const [span, setSpan] = useState<Span>("1h");
  const to = Math.ceil((now ?? 0) / STEP_MS) * STEP_MS;
  const range = { from: Math.max(0, to - SPANS[span]), to };
  const usage = useQuery(
    trpc.cluster.usage.queryOptions(
      { team, of: { kind: "node", id }, metrics: [metric], ...range, width: 400 },
      { placeholderData: keepPreviousData, enabled: now !== null },
    ),
  );
  if (usage.isError) {
    return <QueryError error={usage.error} onRetry={usage.refetch} />;
  }
  if (!usage.data) return <Skeleton height={220} />;
  const { axis, say } = METRICS[metric];
  return (
    <LiveChart
      title="Usage"
      tools={
        <>
          <Select
            label="What is shown"
            value={metric}
            onValueChange={setMetric}
            options={ALL.filter((name) => hasGpus || !OF_GPU.has(name)).map((value) => ({
              value,
              label: METRICS[value].label,
            }))}
          />
          <Segmented label="Time shown" options={SPAN_OPTIONS} value={span} onValueChange={setSpan} />
        </>
      }
      series={usageSeries(usage.data.courses, usage.data.step)}
      yLabel={axis}
      xLabel="UTC"
      formatX={(at) => clockTime(at)}
      isTime
      formatTick={(at) => clockTime(at).slice(0, 5)}
      formatY={say}
      includeY={[0]}
      xDomain={[range.from, range.to]}
      empty="Nothing was heard of it in this time."
      height={180}
    />
  );
}
