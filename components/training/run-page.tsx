"use client";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { readError, useTRPC } from "@/components/trpc/client";
import { useMay } from "@/components/trpc/use-may";
import { Age } from "@/components/ui/age";
import { Button, LinkButton } from "@/components/ui/button";
import { ConfirmDialog } from "@/components/ui/dialog";
import { Digest } from "@/components/ui/digest";
import { Callout, ErrorState, Skeleton } from "@/components/ui/feedback";
import { count, datetime } from "@/components/ui/format";
import { PageHeader } from "@/components/ui/page-header";
import { DefinitionList, Panel } from "@/components/ui/panel";
import { StatusBadge } from "@/components/ui/status";
import { useToast } from "@/components/ui/toast";
import { AttemptsPanel, CheckpointsPanel } from "./attempts-panel";
import { CompareField } from "./compare-field";
import { HeatPanel } from "./heat-panel";
import { type LogMoment, LogsPanel } from "./logs-panel";
import { LoggedCharts, MetricCharts } from "./metric-charts";
import { ProvenancePanel } from "./provenance-panel";
import { RunProgress } from "./run-progress";
import { recoverySays, runSays, shapeOf } from "./run-words";
import { TrackedPanels } from "./tracked-panels";
import type { RunDetail } from "./types";
import { WorkersPanel } from "./workers-panel";

export function RunPage({ team, number }: { team: string; number: number }) {
  const trpc = useTRPC();
  const query = useQuery(trpc.runs.get.queryOptions({ team, number }));
  if (query.isPending) return <Skeleton />;
  if (query.isError) {
    const { message, remedy, requestId } = readError(query.error);
    return (
      <ErrorState what={message} remedy={remedy} requestId={requestId} onRetry={() => void query.refetch()} />
    );
  }
  return <Run team={team} run={query.data} />;
}

function Run({ team, run }: { team: string; run: RunDetail }) {
  const may = useMay(team);
  const [stopping, setStopping] = useState(false);
  const [moment, setMoment] = useState<LogMoment | null>(null);
  const logs = useRef<HTMLDivElement>(null);
  const openLog = (at: LogMoment) => {
    setMoment(at);
    logs.current?.scrollIntoView({ block: "nearest" });
  };
  const isOpen = run.state === "queued" || run.state === "running";
  const isStopping = run.stopRequestedAt !== null;
  const attempt = run.attempts.at(-1);
  const trains = run.kind === "train";
  return (
    <>
      <PageHeader
        title={`Run ${run.number}`}
        state={
          <>
            <span className="m">{run.title}</span>
            <StatusBadge state={shapeOf(run.state)}>
              {runSays(run.state, attempt?.number ?? 1, isStopping)}
            </StatusBadge>
          </>
        }
        meta={<Made run={run} />}
        crumbs={[{ label: "Training", href: `/${team}/training` }, { label: String(run.number) }]}
        actions={
          <>
            {run.resultVersion && (
              <LinkButton
                variant="primary"
                href={`/${team}/models/${run.resultVersion.model}/v/${run.resultVersion.number}`}
              >
                Open {run.resultVersion.model} v{run.resultVersion.number}
              </LinkButton>
            )}
            {isOpen && (
              <Button
                variant="danger"
                onClick={() => setStopping(true)}
                reason={
                  run.mayStop
                    ? isStopping
                      ? "It is stopping."
                      : undefined
                    : "Only its owner or an operator stops it."
                }
              >
                Stop…
              </Button>
            )}
          </>
        }
      />
      <div className="g" aria-live="polite">
        <RunProgress team={team} run={run} isOpen={isOpen} />
        <Recoveries run={run} />
        {run.cause && run.state === "failed" && (
          <Callout state="bad">
            <b>{run.cause.message}</b>
            {run.cause.evidence && <pre className="mono wrap">{run.cause.evidence}</pre>}
          </Callout>
        )}
        {trains && <HeatPanel team={team} run={run} onMoment={openLog} />}
        {trains && (
          <MetricCharts
            team={team}
            run={run.number}
            runId={run.id}
            totalSteps={run.progress?.totalSteps ?? null}
            waiting={isOpen ? run.waiting : "Nothing was measured."}
            onMoment={openLog}
          />
        )}
        {run.kind === "script" && (
          <LoggedCharts
            team={team}
            run={run.number}
            runId={run.id}
            waiting={isOpen ? run.waiting : "Nothing was logged."}
            onMoment={openLog}
          />
        )}
        <AttemptsPanel run={run} />
        <div className="g run-lower">
          <div ref={logs}>
            <LogsPanel team={team} run={run} moment={moment} />
          </div>
          <div className="g">
            <WorkersPanel team={team} run={run} />
            {trains && <CheckpointsPanel run={run} />}
            {(trains || run.kind === "script") && (
              <TrackedPanels team={team} run={run} may={may("run.launch")} />
            )}
            <Panel title="Configuration" padded tools={<CompareField team={team} run={run.number} />}>
              <DefinitionList items={run.configuration.map(([name, value]) => [name, value] as const)} />
            </Panel>
            <ProvenancePanel run={run} />
          </div>
        </div>
      </div>
      <StopDialog team={team} run={run} open={stopping} onOpenChange={setStopping} />
    </>
  );
}

function Made({ run }: { run: RunDetail }) {
  return (
    <>
      {run.createdByName ?? "system"}
      {run.version && (
        <>
          , from {run.version.model} v{run.version.number} <Digest value={run.version.digest} />
        </>
      )}
      ,{" "}
      <span title={datetime(run.createdAt.getTime(), "local")}>
        <Age at={run.createdAt.getTime()} form="ago" />
      </span>
    </>
  );
}

/** What failed on the way and what it cost: said even when the run went on by itself. */
function Recoveries({ run }: { run: RunDetail }) {
  const earlier = run.attempts.slice(0, -1);
  if (earlier.length === 0) return null;
  return (
    <Callout state="warning">
      {earlier.map((attempt, index) => {
        const next = run.attempts[index + 1];
        const secondsLost =
          next?.startedAt && attempt.endedAt
            ? (next.startedAt.getTime() - attempt.endedAt.getTime()) / 1000
            : null;
        return (
          <p key={attempt.id}>
            <b>{attempt.cause?.message ?? `Attempt ${attempt.number} was lost.`}</b>{" "}
            {recoverySays({ ...attempt, resumedStep: next?.resumedStep ?? null, secondsLost })}
          </p>
        );
      })}
    </Callout>
  );
}

interface StopProps {
  team: string;
  run: RunDetail;
  open: boolean;
  onOpenChange: (open: boolean) => void;
}

function StopDialog({ team, run, open, onOpenChange }: StopProps) {
  const trpc = useTRPC();
  const toast = useToast();
  const stop = useMutation(trpc.runs.stop.mutationOptions());
  const last = run.checkpoints[0];
  return (
    <ConfirmDialog
      open={open}
      onOpenChange={onOpenChange}
      title={`Stop run ${run.number}?`}
      confirm="Stop"
      keep="Keep running"
      danger
      onConfirm={async () => {
        try {
          await stop.mutateAsync({ team, runId: run.id });
        } catch (error) {
          toast({ state: "bad", title: "It was not stopped.", detail: readError(error).message });
        }
      }}
    >
      {run.kind === "script"
        ? "Its processes are told to end (SIGTERM), and made to after 8 s. What it logged and its artifacts stay."
        : run.kind === "train"
          ? `Its ${run.resources.workers} workers write a checkpoint and leave. ${last ? `The newest one is of step ${count(last.step)}.` : "There is no checkpoint yet."} No version is made.`
          : "Its work is thrown away; nothing else changes."}
    </ConfirmDialog>
  );
}
