"use client";
import { useQuery } from "@tanstack/react-query";
import Link from "next/link";
import { useRef, useState } from "react";
import { useTRPC } from "@/components/trpc/client";
import { QueryError } from "@/components/trpc/query-error";
import { useMay } from "@/components/trpc/use-may";
import { useWhys } from "@/components/trpc/use-whys";
import { Age } from "@/components/ui/age";
import { LinkButton } from "@/components/ui/button";
import { Digest } from "@/components/ui/digest";
import { Callout, Skeleton } from "@/components/ui/feedback";
import { datetime } from "@/components/ui/format";
import { PageHeader } from "@/components/ui/page-header";
import { DefinitionList, Panel } from "@/components/ui/panel";
import { StatusBadge } from "@/components/ui/status";
import { AttemptsPanel } from "./attempts-panel";
import { CheckpointsPanel } from "./checkpoints-panel";
import { CompareField } from "./compare-field";
import { HeatPanel } from "./heat-panel";
import { type LogMoment, LogsPanel } from "./logs-panel";
import { LoggedCharts, MetricCharts } from "./metric-charts";
import { ProvenancePanel } from "./provenance-panel";
import { QueuePanel } from "./queue-panel";
import { RunActions } from "./run-actions";
import { RunProgress } from "./run-progress";
import { recoverySays, resizedSays, runSays, shapeOf } from "./run-words";
import { TrackedPanels } from "./tracked-panels";
import type { RunDetail } from "./types";
import { WorkersPanel } from "./workers-panel";

export function RunPage({ team, number }: { team: string; number: number }) {
  const trpc = useTRPC();
  const query = useQuery(trpc.runs.get.queryOptions({ team, number }));
  if (query.isPending) return <Skeleton />;
  if (query.isError) {
    return <QueryError error={query.error} onRetry={query.refetch} />;
  }
  return <Run team={team} run={query.data} />;
}

function Run({ team, run: told }: { team: string; run: RunDetail }) {
  const attempt = told.attempts.at(-1);
  const why = useWhys(team, attempt?.state === "placing" || attempt?.state === "starting")("run", told.id);
  const run = why ? { ...told, waiting: why } : told;
  const may = useMay(team);
  const [moment, setMoment] = useState<LogMoment | null>(null);
  const logs = useRef<HTMLDivElement>(null);
  const openLog = (at: LogMoment) => {
    setMoment(at);
    logs.current?.scrollIntoView({ block: "nearest" });
  };
  const isOpen = run.state === "queued" || run.state === "running";
  const trains = run.kind === "train";
  return (
    <>
      <PageHeader
        title={`Run ${run.number}`}
        state={
          <>
            <span className="m">{run.title}</span>
            <StatusBadge state={shapeOf(run.state)}>{runSays(run, attempt?.number ?? 1)}</StatusBadge>
          </>
        }
        meta={<Made team={team} run={run} />}
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
            <RunActions team={team} run={run} mayLaunch={may("run.launch")} />
          </>
        }
      />
      <div className="g" aria-live="polite">
        <RunProgress team={team} run={run} isOpen={isOpen} />
        <QueuePanel team={team} run={run} why={why} />
        <SameAsOrigin run={run} />
        <Recoveries run={run} />
        {run.state === "stopped" && run.stopReason && (
          <Callout state="warning">
            <b>It was stopped.</b> {run.stopReason}
          </Callout>
        )}
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
            {trains && <CheckpointsPanel team={team} run={run} mayLaunch={may("run.launch")} />}
            {(trains || run.kind === "script") && <TrackedPanels team={team} run={run} />}
            <Panel title="Configuration" padded tools={<CompareField team={team} run={run.number} />}>
              <DefinitionList items={run.configuration.map(([name, value]) => [name, value] as const)} />
            </Panel>
            <ProvenancePanel run={run} />
          </div>
        </div>
      </div>
    </>
  );
}

function Made({ team, run }: { team: string; run: RunDetail }) {
  return (
    <>
      {run.createdByName ?? "system"}
      {run.version && (
        <>
          , from {run.version.model} v{run.version.number} <Digest value={run.version.digest} />
        </>
      )}
      {run.origin && (
        <>
          , {run.origin.kind === "rerun" ? "rerun of" : "continues"}{" "}
          <Link href={`/${team}/training/${run.origin.number}`}>run {run.origin.number}</Link>
        </>
      )}
      ,{" "}
      <span title={datetime(run.createdAt.getTime(), "local")}>
        <Age at={run.createdAt.getTime()} form="ago" />
      </span>
    </>
  );
}

/** Of a rerun, once both have succeeded: whether the same came out. */
function SameAsOrigin({ run }: { run: RunDetail }) {
  if (run.origin?.isSame == null) return null;
  const what = `as run ${run.origin.number}`;
  return run.origin.isSame ? (
    <Callout state="ok">Its result is the same, byte by byte, {what}&rsquo;s.</Callout>
  ) : (
    <Callout state="warning">
      Its result is not the same bytes {what}&rsquo;s: its settings and seed are, so libraries, devices or
      attempts differed.
    </Callout>
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
            {recoverySays({ ...attempt, resumedStep: next?.resumedStep ?? null, secondsLost })}{" "}
            {next && resizedSays(next, attempt)}
          </p>
        );
      })}
    </Callout>
  );
}
