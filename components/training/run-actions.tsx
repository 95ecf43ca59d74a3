"use client";
import { useMutation } from "@tanstack/react-query";
import { useEffect, useEffectEvent, useMemo, useState } from "react";
import { readError, useTRPC } from "@/components/trpc/client";
import { Button } from "@/components/ui/button";
import { useCommands } from "@/components/ui/commands";
import { ConfirmDialog } from "@/components/ui/dialog";
import { count } from "@/components/ui/format";
import { Menu } from "@/components/ui/menu";
import { useToast } from "@/components/ui/toast";
import type { RunDetail } from "./types";
import { useActs } from "./use-acts";

interface Props {
  team: string;
  run: RunDetail;
  mayLaunch: boolean;
}

/** What a person does with a run: stop it, pause and resume it, run it again, go on from its checkpoint. */
export function RunActions({ team, run, mayLaunch }: Props) {
  const [stopping, setStopping] = useState(false);
  const act = useActs(team, run);
  const isLive = run.state === "queued" || run.state === "running" || run.state === "paused";
  const isLeaving = run.stopRequestedAt !== null || run.pauseRequestedAt !== null;
  const notMine = run.mayStop ? undefined : "Only its owner or an operator does that.";
  const pausing = run.stopRequestedAt ? "It is stopping." : run.pauseRequestedAt ? "It is pausing." : notMine;
  const notLaunching = mayLaunch ? undefined : "It takes the right to launch runs.";
  useTurnKey(run, isLeaving || notMine !== undefined, act);
  return (
    <>
      {run.can.resume && (
        <Button variant="primary" onClick={act.resume} reason={notMine} reasonAt="hidden">
          Resume
        </Button>
      )}
      {run.can.pause && (
        <Button onClick={act.pause} reason={pausing} reasonAt="hidden">
          Pause
        </Button>
      )}
      {isLive && (
        <Button
          variant="danger"
          onClick={() => setStopping(true)}
          reason={run.stopRequestedAt ? "It is stopping." : notMine}
        >
          Stop…
        </Button>
      )}
      {run.can.continue && (
        <Button onClick={() => act.goOn()} reason={notLaunching} reasonAt="hidden">
          Continue from checkpoint
        </Button>
      )}
      {run.can.rerun && (
        <Menu
          label="More of this run"
          groups={[{ items: [{ label: "Rerun exactly", onPress: act.rerun, reason: notLaunching }] }]}
        />
      )}
      <StopDialog team={team} run={run} open={stopping} onOpenChange={setStopping} />
    </>
  );
}

/** `p` pauses and resumes; the palette offers the same. */
function useTurnKey(run: RunDetail, isOff: boolean, act: { pause: () => void; resume: () => void }) {
  const can = isOff && !run.can.resume ? null : run.can.resume ? "resume" : run.can.pause ? "pause" : null;
  const turn = useEffectEvent(() => can && act[can]());
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      const isTyping = event.target instanceof Element && event.target.closest("input, textarea, select");
      const isOpen = document.querySelector("[role=dialog], [role=alertdialog], [role=menu]");
      if (event.key !== "p" || event.metaKey || event.ctrlKey || event.altKey || isTyping || isOpen) return;
      turn();
    };
    document.addEventListener("keydown", onKeyDown);
    return () => document.removeEventListener("keydown", onKeyDown);
  }, []);
  useCommands(
    useMemo(
      () =>
        can === null
          ? []
          : [
              {
                id: `run-${can}`,
                group: "Actions",
                label: `${can === "pause" ? "Pause" : "Resume"} run ${run.number}`,
                keys: "p",
                run: turn,
              },
            ],
      [can, run.number],
    ),
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
  return (
    <ConfirmDialog
      open={open}
      onOpenChange={onOpenChange}
      title={`Stop run ${run.number}?`}
      confirm="Stop"
      keep={run.state === "paused" ? "Keep it paused" : "Keep running"}
      danger
      onConfirm={async () => {
        try {
          await stop.mutateAsync({ team, runId: run.id });
        } catch (error) {
          toast({ state: "bad", title: "It was not stopped.", detail: readError(error).message });
        }
      }}
    >
      {stopSays(run)}
    </ConfirmDialog>
  );
}

function stopSays(run: RunDetail): string {
  const last = run.checkpoints[0];
  const newest = last ? `The newest one is of step ${count(last.step)}.` : "There is no checkpoint yet.";
  if (run.state === "paused") return `Its checkpoint stays. ${newest} No version is made.`;
  if (run.kind === "script") {
    return "Its processes are told to end (SIGTERM), and made to after 8 s. What it logged and its artifacts stay.";
  }
  if (run.kind === "train") {
    return `Its workers write a checkpoint and leave. ${newest} No version is made.`;
  }
  return "Its work is thrown away; nothing else changes.";
}
