"use client";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import Link from "next/link";
import { readError, useTRPC } from "@/components/trpc/client";
import { duration } from "@/components/ui/format";
import { Panel } from "@/components/ui/panel";
import { Segmented } from "@/components/ui/segmented";
import { useToast } from "@/components/ui/toast";
import { PRIORITIES } from "./launch-queue";
import { ordinal } from "./run-words";
import type { RunDetail } from "./types";

/** Where a run stands in the queue, what it waits for, when it may start; its priority can be changed. */
export function QueuePanel({ team, run }: { team: string; run: RunDetail }) {
  const trpc = useTRPC();
  const cache = useQueryClient();
  const toast = useToast();
  const { queryKey } = trpc.runs.get.queryOptions({ team, number: run.number });
  const change = useMutation(
    trpc.runs.setPriority.mutationOptions({
      onMutate: ({ priority }) =>
        void cache.setQueryData(queryKey, (shown) => shown && { ...shown, priority }),
      onSettled: () => cache.invalidateQueries({ queryKey }),
      onError: (error) =>
        toast({ state: "bad", title: "Its priority stays as it was.", detail: readError(error).message }),
    }),
  );
  if (!run.queue) return null;
  const { position, of, says, startsInSeconds } = run.queue;
  return (
    <Panel
      title="Queue"
      subtitle={position === null ? "held by the budget" : `${ordinal(position)} of ${of}`}
      padded
      tools={
        run.mayStop && (
          <Segmented
            label="Priority"
            options={PRIORITIES}
            value={run.priority}
            onValueChange={(priority) => change.mutate({ team, runId: run.id, priority })}
          />
        )
      }
    >
      <p>
        {says}{" "}
        {position === null ? (
          <Link href={`/${team}/cluster/cost`}>Open the budget</Link>
        ) : startsInSeconds === null ? (
          <span className="t2">When is not known: no run like those ahead has ended yet.</span>
        ) : (
          <span className="predicted">It starts in about {duration(startsInSeconds)}.</span>
        )}
      </p>
    </Panel>
  );
}
