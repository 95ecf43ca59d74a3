"use client";

import { useState } from "react";
import { AccuracyChart } from "@/components/charts/accuracy-chart";
import { CapacityChart } from "@/components/charts/capacity-chart";
import { ForestPlot } from "@/components/charts/forest-plot";
import { LiveChart } from "@/components/charts/live-chart";
import { ParetoChart } from "@/components/charts/pareto-chart";
import type { Domain } from "@/components/charts/prepare";
import { RankHeat } from "@/components/charts/rank-heat";
import { SizeChart } from "@/components/charts/size-chart";
import { Sparkline } from "@/components/charts/sparkline";
import { Panel } from "@/components/ui/panel";
import {
  capacity,
  demand,
  events,
  forest,
  from,
  heat,
  live,
  measured,
  NOW,
  predicted,
  sizes,
  to,
} from "./sample-series";

export function ChartSections() {
  const [range, setRange] = useState<Domain | null>(null);
  const [picked, setPicked] = useState("");
  return (
    <>
      <div className="col-span-8">
        <AccuracyChart
          title="Accuracy against sparsity"
          subtitle={picked}
          measured={measured}
          predicted={predicted}
          baseline={{ label: "v4", value: 91.84 }}
          target={{ label: "target, −0.5 pt", value: 91.34 }}
          current={{ x: 54, y: 88.5, label: "54%: 88.5% predicted" }}
          xLabel="Sparsity, % of weights"
          xDomain={[0, 90]}
          yFrom={80}
          syncKey="kit-ratio"
          onPoint={(point) => setPicked(`restored ${point.x}%`)}
        />
      </div>
      <div className="col-span-4 grid gap-3">
        <SizeChart
          title="Size"
          series={sizes}
          xLabel="Sparsity, %"
          yLabel="Size, kB"
          xDomain={[0, 90]}
          syncKey="kit-ratio"
          height={150}
        />
        <ParetoChart
          title="Everything measured"
          points={measured.map((point, index) => ({
            id: point.id,
            x: 162 - index * 9,
            y: point.y,
            isOnFront: index < 5,
            label: `${point.x}%`,
          }))}
          xLabel="zstd-19, kB"
          yLabel="Accuracy, %"
          empty="Nothing is measured yet."
          height={150}
        />
      </div>
      <div className="col-span-8">
        <CapacityChart
          capacity={capacity}
          demand={demand}
          events={events}
          now={NOW}
          range={[from, to]}
          unit="CPUs"
        />
      </div>
      <Panel className="col-span-4" title="Sparkline" padded>
        <Sparkline
          label="loss, falls to 0.24"
          values={live.y.filter((_, index) => index % 40 === 0)}
          width={160}
          height={32}
        />
      </Panel>
      <Panel
        className="col-span-12"
        title="Live charts"
        subtitle="drag zooms, double press resets; one cursor"
      >
        <div className="grid grid-cols-3 divide-x divide-line">
          <LiveChart
            title="Distillation loss"
            yLabel="Distillation loss"
            series={[
              {
                key: "before",
                label: "attempt 1",
                color: "var(--c-baseline)",
                x: live.x.slice(0, 1180),
                y: live.y.slice(0, 1180).map((y) => (y === null ? null : y + 0.1)),
                isEarlier: true,
              },
              {
                key: "loss",
                label: "attempt 2",
                color: "var(--c-candidate)",
                x: live.x,
                y: live.y,
                min: live.min,
                max: live.max,
              },
            ]}
            xLabel="Step"
            xDomain={[0, 7504]}
            includeY={[0]}
            syncKey="kit-live"
            range={range}
            onRangeChange={setRange}
            isInner
          />
          <LiveChart
            title="Step time"
            yLabel="Step time, ms"
            series={[{ key: "time", label: "rank 2", color: "var(--c-candidate)", x: live.x, y: live.time }]}
            levels={[{ value: 640, label: "slow above 640" }]}
            xLabel="Step"
            xDomain={[0, 7504]}
            includeY={[0]}
            syncKey="kit-live"
            range={range}
            onRangeChange={setRange}
            isInner
          />
          <LiveChart
            title="Accuracy"
            yLabel="Accuracy, %"
            series={[]}
            xLabel="Step"
            empty="The first evaluation is at step 250, in about 2 min."
            isInner
          />
        </div>
      </Panel>
      <div className="col-span-8">
        <ForestPlot
          title="Accuracy, candidate minus production"
          subtitle="same 10,000 samples"
          rows={forest}
          reference="v7"
          limit={{ value: -2, label: "gate: −2.0" }}
        />
      </div>
      <div className="col-span-4">
        <RankHeat title="Compute time by rank" ranks={heat} stepFrom={0} stepTo={5122} named={2} unit="ms" />
      </div>
    </>
  );
}
