"use client";
/** The warm session behind the page: opened with it, shown while it opens, opened again after it closed. */
import { useMutation, useQuery } from "@tanstack/react-query";
import { useCallback, useEffect } from "react";
import { useTRPC } from "@/components/trpc/client";

/** Events tell of each change; this is the net below them while something is about to happen. */
const OPENING_MS = 1_000;
/** The session goes on measuring its own curve for a while after it is ready. */
const WARMING_MS = 1_500;

interface Props {
  team: string;
  versionId: string;
  datasetId: string;
  /** Samples of the whole test set. */
  total: number;
}

export function useSession({ team, versionId, datasetId, total }: Props) {
  const trpc = useTRPC();
  const open = useMutation(trpc.studio.open.mutationOptions());
  const { mutate, data: opened } = open;
  const reopen = useCallback(
    () => mutate({ team, versionId, datasetId }),
    [mutate, team, versionId, datasetId],
  );
  useEffect(reopen, [reopen]);

  const sessionId = opened?.sessionId ?? "";
  const session = useQuery({
    ...trpc.studio.session.queryOptions({ team, sessionId }),
    enabled: sessionId !== "",
    refetchInterval: (query) => (query.state.data?.state === "opening" ? OPENING_MS : 15_000),
  });
  const isReady = session.data?.state === "ready";
  const baseline = useQuery({
    ...trpc.studio.baseline.queryOptions({ team, sessionId }),
    enabled: isReady,
    refetchInterval: ({ state: { data } }) =>
      data && data.n >= total && data.sensitivity.done >= data.sensitivity.total ? false : WARMING_MS,
  });
  const history = useQuery(trpc.studio.history.queryOptions({ team, versionId, datasetId }));
  return {
    session: session.data,
    baseline: baseline.data,
    measurements: history.data ?? NONE,
    isReady,
    reopen,
    error: open.error ?? session.error ?? (isReady ? baseline.error : null),
  };
}

const NONE: never[] = [];
