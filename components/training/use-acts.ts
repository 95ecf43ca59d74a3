"use client";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useRouter } from "next/navigation";
import { readError, useTRPC } from "@/components/trpc/client";
import { useToast } from "@/components/ui/toast";
import type { RunDetail } from "./types";

/** Each act shows its state at once; a refusal brings the true one back and says why. */
export function useActs(team: string, run: RunDetail) {
  const trpc = useTRPC();
  const cache = useQueryClient();
  const router = useRouter();
  const toast = useToast();
  const { queryKey } = trpc.runs.get.queryOptions({ team, number: run.number });
  const meanwhile = (patch: Partial<RunDetail>) => async () => {
    await cache.cancelQueries({ queryKey });
    cache.setQueryData(queryKey, (shown) => shown && { ...shown, ...patch });
  };
  const refused = (what: string) => (error: unknown) => {
    void cache.invalidateQueries({ queryKey });
    const { message, remedy } = readError(error);
    toast({ state: "bad", title: what, detail: remedy ? `${message} ${remedy}` : message });
  };
  const open = ({ number }: { number: number }) => router.push(`/${team}/training/${number}`);
  const pause = useMutation(
    trpc.runs.pause.mutationOptions({
      onMutate: meanwhile({ pauseRequestedAt: new Date() }),
      onError: refused("It was not paused."),
    }),
  );
  const resume = useMutation(
    trpc.runs.resume.mutationOptions({
      onMutate: meanwhile({ state: "queued", pauseRequestedAt: null, can: { ...run.can, resume: false } }),
      onError: refused("It was not resumed."),
    }),
  );
  const rerun = useMutation(
    trpc.runs.rerun.mutationOptions({ onSuccess: open, onError: refused("It was not launched again.") }),
  );
  const goOn = useMutation(
    trpc.runs.continue.mutationOptions({ onSuccess: open, onError: refused("It was not continued.") }),
  );
  const versionOf = useMutation(
    trpc.runs.versionOfCheckpoint.mutationOptions({
      onSuccess: open,
      onError: refused("No version is made of it."),
    }),
  );
  const of = { team, runId: run.id };
  return {
    pause: () => pause.mutate(of),
    resume: () => resume.mutate(of),
    rerun: () => rerun.mutate(of),
    /** From its newest checkpoint unless another is named. */
    goOn: (checkpointId?: string) => goOn.mutate({ ...of, ...(checkpointId && { checkpointId }) }),
    versionOf: (checkpointId: string) => versionOf.mutate({ ...of, checkpointId }),
  };
}
