"use client";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import Link from "next/link";
import { useState } from "react";
import { readError, useTRPC } from "@/components/trpc/client";
import { useMay } from "@/components/trpc/use-may";
import { whySays } from "@/components/trpc/why-says";
import { Age } from "@/components/ui/age";
import { Button, LinkButton } from "@/components/ui/button";
import { ConfirmDialog } from "@/components/ui/dialog";
import { Callout, EmptyState } from "@/components/ui/feedback";
import { count } from "@/components/ui/format";
import { Panel } from "@/components/ui/panel";
import { StatusDot } from "@/components/ui/status";
import { useUrlState } from "@/components/ui/use-url-state";
import type { ClusterOverview } from "./types";
import { WHY_SHAPES } from "./why-words";

/** Nobody tells of it now. */
const isOld = ({ agent, ray }: ClusterOverview["health"]) => agent !== "heard" || ray === "silent";

const URGENCY = ["bad", "warning"];

/** What somebody must mend comes first; the rest stays in the order in which it came. */
const byUrgency = (a: Waiting, b: Waiting): number => rankOf(a) - rankOf(b);
const rankOf = ({ why }: Waiting): number => {
  const rank = URGENCY.indexOf(WHY_SHAPES[why.cause]);
  return rank < 0 ? URGENCY.length : rank;
};

type Waiting = ClusterOverview["waiting"][number];
type Remedy = Waiting["why"]["remedies"][number];

/** So many are read; of a queue the rest is counted. */
const SHOWN = 12;

/** Each unmet demand: who asks, for what, what it waits for, and what would help. */
export function WaitingPanel({ team, cluster }: { team: string; cluster: ClusterOverview }) {
  const { waiting } = cluster;
  return (
    <Panel
      title="Why pending"
      className="waiting-panel"
      subtitle={waiting.length > 0 ? `${count(waiting.length)} waiting` : undefined}
    >
      {waiting.length > 0 && isOld(cluster.health) && (
        <Callout state="stale">Nothing begins until the cluster is heard again.</Callout>
      )}
      {waiting.length === 0 ? (
        <EmptyState title="Nothing waits">
          What asks for CPUs or GPUs that no node has free is listed here, with what it waits for.
        </EmptyState>
      ) : (
        <div className="waiting-list">
          {waiting
            .toSorted(byUrgency)
            .slice(0, SHOWN)
            .map((one) => (
              <One key={`${one.kind}-${one.id}`} team={team} waiting={one} />
            ))}
          {waiting.length > SHOWN && (
            <p className="body t3">
              and {count(waiting.length - SHOWN)} more;{" "}
              <Link className="link" href={`/${team}/training?kind=all&state=queued`}>
                all that is queued
              </Link>
            </p>
          )}
        </div>
      )}
    </Panel>
  );
}

function One({ team, waiting }: { team: string; waiting: Waiting }) {
  const { why, path, label } = waiting;
  return (
    <div className="waiting">
      <div className="row">
        <StatusDot state={WHY_SHAPES[why.cause]} title={label}>
          {path ? <Link href={`/${team}/${path}`}>{label}</Link> : label}
        </StatusDot>
        <span className="grow" />
        <Age at={waiting.since.getTime()} />
      </div>
      <p className="t2">{whySays(waiting)}</p>
      {path && why.remedies.length > 0 && (
        <div className="row">
          {why.remedies.map((remedy) => (
            <RemedyButton key={remedy.kind} team={team} waiting={waiting} remedy={remedy} />
          ))}
        </div>
      )}
    </div>
  );
}

function RemedyButton({ team, waiting, remedy }: { team: string; waiting: Waiting; remedy: Remedy }) {
  if (remedy.kind === "raise") return <RaisePool team={team} pool={remedy.pool} to={remedy.to} />;
  if (remedy.kind === "budget")
    return (
      <LinkButton size="sm" href={`/${team}/cluster/cost?edit=budget`}>
        Raise the budget…
      </LinkButton>
    );
  if (waiting.kind === "run") return <StopRun team={team} waiting={waiting} />;
  return (
    <LinkButton size="sm" variant="ghost" href={`/${team}/${waiting.path}`}>
      {waiting.kind === "session" ? "Open the studio" : "Open its release"}
    </LinkButton>
  );
}

/** Leads to the pool's dialog with the max that it takes; nothing is raised before that is confirmed. */
function RaisePool({ team, pool, to }: { team: string; pool: string; to: number }) {
  const may = useMay(team);
  const [, edit] = useUrlState("pool");
  return (
    <Button
      size="sm"
      reason={may("pool.edit") ? undefined : "It takes an operator or an admin."}
      reasonAt="hidden"
      onClick={() => edit(`${pool}:${to}`)}
    >
      {`Raise ${pool} to ${to}…`}
    </Button>
  );
}

function StopRun({ team, waiting }: { team: string; waiting: Waiting }) {
  const trpc = useTRPC();
  const queryClient = useQueryClient();
  const may = useMay(team);
  const [isAsked, setAsked] = useState(false);
  const stop = useMutation(trpc.runs.stop.mutationOptions());
  const mayStop = may("run.stop_any") || may("run.stop_own");
  const act = async () => {
    try {
      await stop.mutateAsync({ team, runId: waiting.id });
    } catch (error) {
      throw new Error(readError(error).message);
    }
    await queryClient.invalidateQueries({ queryKey: trpc.cluster.overview.queryKey({ team }) });
  };
  return (
    <>
      <Button
        size="sm"
        variant="ghost"
        reason={mayStop ? undefined : "Stopping it takes an engineer or an operator."}
        onClick={() => setAsked(true)}
      >
        Stop it…
      </Button>
      <ConfirmDialog
        open={isAsked}
        onOpenChange={setAsked}
        title={`Stop ${waiting.label}?`}
        confirm="Stop it"
        keep="Let it wait"
        danger
        onConfirm={act}
      >
        It does not run now, so no work is lost; checkpoints that it has stay.
      </ConfirmDialog>
    </>
  );
}
