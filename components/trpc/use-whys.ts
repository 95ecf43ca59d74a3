"use client";
import { useQuery } from "@tanstack/react-query";
import { useTRPC } from "./client";
import { whySays } from "./why-words";

/** Events tell of each change; this mends what they missed. */
const MEND_MS = 15_000;

/**
 * Why something of the team waits for a place, in the words of the cluster's page; undefined for what does not.
 *
 * @param isAsked whether anything that is shown may wait
 */
export function useWhys(team: string, isAsked: boolean) {
  const trpc = useTRPC();
  const { data } = useQuery(
    trpc.cluster.waiting.queryOptions({ team }, { enabled: isAsked, refetchInterval: MEND_MS }),
  );
  return (kind: "run" | "session" | "replica", id: string): string | undefined => {
    const found = isAsked && data?.find((one) => one.kind === kind && one.id === id);
    return found ? whySays(found) : undefined;
  };
}
