"use client";
import { keepPreviousData, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { RankHeat } from "@/components/charts/rank-heat";
import { useTail } from "@/components/live/provider";
import { useTRPC } from "@/components/trpc/client";
import { Button } from "@/components/ui/button";
import { Callout } from "@/components/ui/feedback";
import { clockTime, count, decimal, duration } from "@/components/ui/format";
import { Segmented } from "@/components/ui/segmented";
import type { LogMoment } from "./logs-panel";
import type { RunDetail } from "./types";

const SHOWN = [
  { value: "train/compute_time", label: "compute", title: "Compute time by rank and step", unit: "ms" },
  { value: "train/step_time", label: "step", title: "Step time by rank and step", unit: "ms" },
  { value: "train/local_loss", label: "loss", title: "Loss of each rank's samples by step", unit: "" },
] as const;
type Name = (typeof SHOWN)[number]["value"];

interface Props {
  team: string;
  run: RunDetail;
  onMoment: (moment: LogMoment) => void;
}

/** Ranks side by side: who is slow or diverges, since when, and the log of that moment. */
export function HeatPanel({ team, run, onMoment }: Props) {
  const trpc = useTRPC();
  const queryClient = useQueryClient();
  const [name, setName] = useState<Name>("train/compute_time");
  const ask = { team, run: run.number, name };
  const { data } = useQuery(trpc.runs.heat.queryOptions(ask, { placeholderData: keepPreviousData }));
  useTail(run.id, (what) => {
    if (what === "metrics") void queryClient.invalidateQueries({ queryKey: trpc.runs.heat.queryKey(ask) });
  });
  if (!data || data.ranks.length < 2) return null;
  const shown = SHOWN.find(({ value }) => value === name) ?? SHOWN[0];
  const { slow } = data;
  const slowNode = data.ranks.find(({ rank }) => rank === slow?.rank)?.node;
  const pick = async (rank: number, step: number) => {
    // The step's own moment: the heat knows steps only.
    const { series } = await queryClient.fetchQuery(
      trpc.runs.metrics.queryOptions({ ...ask, byRank: true, from: step, to: step, width: 10 }),
    );
    const ts = series.find((line) => line.rank === rank)?.buckets[0]?.ts;
    if (ts !== undefined) onMoment({ rank, ts });
  };
  return (
    <>
      {slow && (
        <Callout
          state="warning"
          actions={
            <Button size="sm" onClick={() => onMoment({ rank: slow.rank, ts: slow.since.ts })}>
              Open its log there
            </Button>
          }
        >
          <b>
            Rank {slow.rank} is slow: {decimal(slow.own)} ms a step, the others {decimal(slow.others)}.
          </b>{" "}
          Since step {count(slow.since.step)} ({clockTime(slow.since.ts, "local")}), on {slowNode}. The others
          wait for it at every step; {duration(slow.secondsLost)} were lost so far.
        </Callout>
      )}
      <RankHeat
        title={shown.title}
        subtitle={
          name === "train/compute_time"
            ? "before the others are waited for; darker is slower than the median; press a cell for its log"
            : "darker is above the median; press a cell for its log"
        }
        tools={<Segmented label="Compare ranks by" options={SHOWN} value={name} onValueChange={setName} />}
        ranks={data.ranks}
        stepFrom={data.from}
        stepTo={data.to}
        named={slow && name !== "train/local_loss" ? slow.rank : undefined}
        unit={shown.unit}
        onPick={(rank, step) => void pick(rank, step)}
      />
    </>
  );
}
