"use client";
import { useMutation } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { readError, useTRPC } from "@/components/trpc/client";
import { Button, LinkButton } from "@/components/ui/button";
import { ConfirmDialog } from "@/components/ui/dialog";
import { Callout } from "@/components/ui/feedback";
import { plural } from "@/components/ui/format";
import type { Column } from "@/components/ui/table";
import { Checkbox } from "@/components/ui/toggle";
import { MAX_COMPARED_RUNS } from "@/server/runs/list-contract";
import { between } from "./choice";
import type { RunRow } from "./types";

export interface Choice {
  chosen: readonly RunRow[];
  column: Column<RunRow>;
  clear: () => void;
}

/** Rows that are ticked, those that have scrolled out of sight too; with Shift all from the last one ticked. */
export function useChoice(rows: readonly RunRow[]): Choice {
  const [chosen, setChosen] = useState<ReadonlyMap<string, RunRow>>(new Map());
  const anchor = useRef<string | null>(null);
  const isRange = useRef(false);
  const tick = (row: RunRow, on: boolean) => {
    const meant = isRange.current ? between(rows, anchor.current, row.id) : [row];
    anchor.current = row.id;
    setChosen((before) => {
      const next = new Map(before);
      for (const each of meant) {
        if (on) next.set(each.id, each);
        else next.delete(each.id);
      }
      return next;
    });
  };
  // A row that is here is as it is now, not as it was when it was ticked.
  const now = new Map(rows.map((row) => [row.id, row]));
  return {
    chosen: [...chosen.values()].map((row) => now.get(row.id) ?? row),
    clear: () => setChosen(new Map()),
    column: {
      key: "choose",
      head: <span className="sr-only">Chosen</span>,
      width: "40px",
      cell: (row) => (
        <span
          onClickCapture={(event) => {
            isRange.current = event.shiftKey;
          }}
          onKeyDownCapture={(event) => {
            isRange.current = event.shiftKey;
          }}
        >
          <Checkbox
            label={`Choose run ${row.number}`}
            hideLabel
            checked={chosen.has(row.id)}
            onCheckedChange={(on) => tick(row, on)}
          />
        </span>
      ),
    },
  };
}

interface Refusal {
  number: number;
  why: string;
}

/** What can be done with the chosen runs at once. */
export function ChosenRuns({ team, choice }: { team: string; choice: Choice }) {
  const { chosen, clear } = choice;
  const trpc = useTRPC();
  const [asking, setAsking] = useState(false);
  const [refusals, setRefusals] = useState<readonly Refusal[]>([]);
  const stop = useMutation(trpc.runs.stop.mutationOptions());
  const open = chosen.filter(
    ({ state, stopRequestedAt }) =>
      (state === "queued" || state === "running" || state === "paused") && stopRequestedAt === null,
  );
  const numbers = chosen.map((run) => run.number).sort((a, b) => a - b);
  const stopAll = async () => {
    const outcomes = await Promise.allSettled(open.map((run) => stop.mutateAsync({ team, runId: run.id })));
    setRefusals(
      outcomes.flatMap((outcome, index) =>
        outcome.status === "rejected"
          ? [{ number: open[index]?.number ?? 0, why: readError(outcome.reason).message }]
          : [],
      ),
    );
  };
  return (
    <>
      {chosen.length > 0 && (
        <div className="row bulk">
          <span className="grow" aria-live="polite">
            {plural(chosen.length, "run")} chosen
          </span>
          {chosen.length > MAX_COMPARED_RUNS ? (
            <Button size="sm" reason={`At most ${MAX_COMPARED_RUNS} are compared.`}>
              Compare {chosen.length}
            </Button>
          ) : (
            <LinkButton size="sm" href={`/${team}/training/compare?runs=${numbers.join(",")}`}>
              Compare {chosen.length}
            </LinkButton>
          )}
          <Button
            size="sm"
            variant="danger"
            onClick={() => setAsking(true)}
            reason={open.length === 0 ? "All of them are over or stopping." : undefined}
            reasonAt="hidden"
          >
            Stop {open.length}…
          </Button>
          <Button size="sm" variant="ghost" onClick={clear}>
            Clear
          </Button>
        </div>
      )}
      {refusals.length > 0 && (
        <Callout
          state="bad"
          actions={
            <Button size="sm" onClick={() => setRefusals([])}>
              Close
            </Button>
          }
        >
          <b>{plural(refusals.length, "run was", "runs were")} not stopped.</b>
          <ul>
            {refusals.map(({ number, why }) => (
              <li key={number}>
                Run {number}: {why}
              </li>
            ))}
          </ul>
        </Callout>
      )}
      <ConfirmDialog
        open={asking}
        onOpenChange={setAsking}
        title={`Stop ${plural(open.length, "run")}?`}
        confirm={`Stop ${open.length}`}
        keep="Keep running"
        danger
        onConfirm={stopAll}
      >
        {open
          .slice(0, 10)
          .map((run) => `${run.number} ${run.title}`)
          .join("; ")}
        {open.length > 10 && ` and ${open.length - 10} more`}. Trainings write a checkpoint first; scripts are
        told to end and made to after 8 s.
        {chosen.length > open.length &&
          ` ${plural(chosen.length - open.length, "chosen run is", "chosen runs are")} over or stopping and stay as they are.`}
      </ConfirmDialog>
    </>
  );
}
