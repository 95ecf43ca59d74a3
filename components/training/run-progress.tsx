"use client";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import Link from "next/link";
import { useTRPC } from "@/components/trpc/client";
import { count, decimal, duration, money, percent, plural, significant } from "@/components/ui/format";
import { Metric } from "@/components/ui/metric";
import { Tiles } from "@/components/ui/panel";
import { Progress } from "@/components/ui/progress";
import { type Newest, newestOf } from "./series";
import type { RunDetail } from "./types";

interface Props {
  team: string;
  run: RunDetail;
  isOpen: boolean;
}

/** How far a run is, and of a training the three numbers that say how it goes. */
export function RunProgress({ team, run, isOpen }: Props) {
  const { progress } = run;
  const steps = progress?.totalSteps
    ? `step ${count(progress.step ?? 0)} of ${count(progress.totalSteps)}`
    : progress?.message;
  const took =
    run.startedAt && run.endedAt ? duration((run.endedAt.getTime() - run.startedAt.getTime()) / 1000) : null;
  return (
    <Tiles label="Progress" className="run-progress">
      <div className="tile">
        <Progress
          label={run.title}
          value={run.state === "succeeded" ? 1 : progress?.percent == null ? null : progress.percent / 100}
          step={
            run.state === "succeeded" && took
              ? `done in ${took}`
              : `${progress?.phase ?? "queued"}${steps ? `, ${steps}` : ""}`
          }
          etaSeconds={isOpen ? progress?.etaSeconds : undefined}
          waiting={
            run.state === "paused"
              ? "Paused: its workers are free for others."
              : isOpen && progress?.percent == null
                ? (run.waiting ?? progress?.message ?? "waiting for the cluster")
                : undefined
          }
          failed={run.state === "failed" ? (run.cause?.message ?? "failed") : undefined}
        />
      </div>
      {run.maxHours !== null && (
        <Metric
          label="Ran"
          value={`${significant(run.hoursRun)} of ${significant(run.maxHours)}`}
          unit="h"
          note="then it is stopped"
        />
      )}
      {run.cost && (
        <Metric
          label={
            <Link className="link" href={`/${team}/cluster/cost`}>
              Cost
            </Link>
          }
          value={
            run.maxCost === null
              ? money(run.cost.amount)
              : `${money(run.cost.amount)} of ${money(run.maxCost)}`
          }
          note={
            run.cost.isWhole
              ? run.maxCost === null
                ? "its share of nodes, by their price"
                : "then it is stopped"
              : "and more: a node has no price"
          }
        />
      )}
      {run.kind === "train" && <Figures team={team} run={run.number} />}
    </Tiles>
  );
}

/** Steps behind a figure that jumps from one to the next. */
const RECENT = 20;

function Figures({ team, run }: { team: string; run: number }) {
  const loss = useNewest(team, run, "train/loss", RECENT);
  const accuracy = useNewest(team, run, "eval/accuracy", 1);
  const throughput = useNewest(team, run, "train/throughput", RECENT);
  return (
    <>
      <Metric label="Loss" value={loss && significant(loss.mean)} note={over(loss)} />
      <Metric
        label="Accuracy"
        value={accuracy && percent(accuracy.mean, 2)}
        note={accuracy && `at step ${count(accuracy.step)}, of a subset`}
      />
      <Metric
        label="Throughput"
        value={throughput && decimal(throughput.mean)}
        unit="samples/s"
        note={over(throughput)}
      />
    </>
  );
}

const over = (figure: Newest | null) => figure && `mean of the last ${plural(figure.n, "step")}`;

/** The mean of a metric over its newest steps; null before the first. */
function useNewest(team: string, run: number, name: string, steps: number): Newest | null {
  const trpc = useTRPC();
  const { data } = useQuery(
    trpc.runs.metrics.queryOptions(
      { team, run, name, last: steps, width: RECENT },
      { placeholderData: keepPreviousData },
    ),
  );
  return newestOf(data?.series ?? []);
}
