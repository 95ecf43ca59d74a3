"use client";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { readError, useTRPC } from "@/components/trpc/client";
import { duration } from "@/components/ui/format";
import { Panel } from "@/components/ui/panel";
import { Segmented } from "@/components/ui/segmented";
import { useToast } from "@/components/ui/toast";
import { PRIORITIES } from "./launch-queue";
import { ordinal } from "./run-words";
import type { RunDetail } from "./types";

/** What a run waits for, where it stands in the queue, when it may start; its priority can be changed. */
export function QueuePanel({ team, run, why }: { team: string; run: RunDetail; why: string | undefined }) {
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
  if (!run.queue && !why) return null;
  return (
    <Panel
      title="Why pending"
      subtitle={run.queue && `${ordinal(run.queue.position)} of ${run.queue.of} in the queue`}
      padded
      tools={
        run.queue &&
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
        {why} {run.queue && <Expected seconds={run.queue.startsInSeconds} />}
      </p>
    </Panel>
  );
}

function Expected({ seconds }: { seconds: number | null }) {
  if (seconds === null)
    return <span className="t2">When is not known: no run like those ahead has ended yet.</span>;
  return <span className="predicted">It starts in about {duration(seconds)}.</span>;
}
