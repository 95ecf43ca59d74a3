"use client";
import { useMutation, useQuery } from "@tanstack/react-query";
import Link from "next/link";
import { type Outputs, readError, useTRPC } from "@/components/trpc/client";
import { ProblemCallout } from "@/components/trpc/problem-callout";
import { useMay } from "@/components/trpc/use-may";
import { Age } from "@/components/ui/age";
import { Button } from "@/components/ui/button";
import { Panel } from "@/components/ui/panel";
import { StatusDot } from "@/components/ui/status";
import type { DatasetReport } from "@/server/datasets/contract";
import { asked } from "@/server/datasets/contract";
import { batchWords, stateOf } from "./batch-words";

interface Props {
  team: string;
  datasetId: string;
  report: Pick<DatasetReport, "shape" | "classes" | "task" | "labelShape">;
  /** Names of the classes. */
  labels: readonly string[];
}

type Fitting = Outputs["models"]["fitting"][number];

const isOpen = ({ tried }: Fitting) => tried?.state === "queued" || tried?.state === "running";

/** Models whose newest version can be measured and tuned on this dataset, each with its last test batch. */
export function FitsPanel({ team, datasetId, report, labels }: Props) {
  const trpc = useTRPC();
  const fitting = useQuery({
    ...trpc.models.fitting.queryOptions({ team, datasetId }),
    refetchInterval: (query) => (query.state.data?.some(isOpen) ? 2_000 : false),
  });
  const needs = `${report.shape.join("×")} in, ${report.task === "unlabelled" ? "anything" : asked(report)} out`;
  return (
    <Panel title="Fits" subtitle={needs} padded>
      {fitting.isPending && <span className="t2">Looking at the newest version of each model…</span>}
      {fitting.isError && <span className="t2">{readError(fitting.error).message}</span>}
      {fitting.data?.length === 0 && (
        <span className="t2">
          No model’s newest version takes these samples and answers what they ask for.
        </span>
      )}
      {fitting.data && fitting.data.length > 0 && (
        <ul className="col" aria-label="Models that fit">
          {fitting.data.map((found) => (
            <FitRow
              key={found.id}
              team={team}
              datasetId={datasetId}
              labels={labels}
              found={found}
              onStarted={() => fitting.refetch()}
            />
          ))}
        </ul>
      )}
    </Panel>
  );
}

interface RowProps extends Pick<Props, "team" | "datasetId" | "labels"> {
  found: Fitting;
  /** What it answers is waited for: the row then tells of the run. */
  onStarted: () => Promise<unknown>;
}

function FitRow({ team, datasetId, labels, found, onStarted }: RowProps) {
  const trpc = useTRPC();
  const may = useMay(team);
  const start = useMutation(trpc.models.tryBatch.mutationOptions({ onSuccess: onStarted }));
  const problem = start.error && readError(start.error);
  const name = `v${found.number} of ${found.model}`;
  const action = found.tried ? "Try again" : "Try a batch";
  return (
    <li className="col">
      <div className="row">
        <Link className="grow clip" href={`/${team}/models/${found.model}/v/${found.number}`}>
          {name}
        </Link>
        {may("run.launch") && (
          <Button
            size="sm"
            busy={start.isPending || (isOpen(found) && !found.tried?.batch) ? "Trying…" : undefined}
            onClick={() => start.mutate({ team, versionId: found.id, datasetId })}
          >
            {action}
            <span className="sr-only"> on {name}</span>
          </Button>
        )}
      </div>
      {found.tried && <Tried tried={found.tried} labels={labels} />}
      {problem && <ProblemCallout problem={problem} />}
    </li>
  );
}

/** How the last test batch of a version stands. */
function Tried({ tried, labels }: { tried: NonNullable<Fitting["tried"]>; labels: readonly string[] }) {
  const { batch, state, progress, cause, endedAt } = tried;
  if (batch) {
    const { figure, size, detail } = batchWords(batch, labels);
    return (
      <>
        <span className="row">
          <StatusDot state={stateOf(batch)} title={detail}>
            {[figure, size].filter(Boolean).join(", ")}
          </StatusDot>
          {endedAt && <Age at={endedAt} form="ago" className="t2" />}
        </span>
        {batch.problems.length > 0 && <p className="help">{detail}</p>}
      </>
    );
  }
  if (state === "queued" || state === "running") {
    return <StatusDot state="running">{progress?.message ?? "waiting for a worker"}</StatusDot>;
  }
  return (
    <StatusDot state="bad">
      run {tried.number}: {cause?.message ?? "it ended without an answer."}
    </StatusDot>
  );
}
