"use client";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useTRPC, useTRPCClient } from "@/components/trpc/client";
import { withChanges } from "@/server/cluster/changes-contract";

/** What changes is told by events; this mends what they missed. */
const MEND_MS = 15_000;
/** An answer that takes longer is lost; it is asked for again. */
const GIVE_UP_MS = 10_000;
/** Not in one batch with what is read beside it: an answer of a few nodes need not wait for charts. */
const alone = () => ({ context: { stream: true }, signal: AbortSignal.timeout(GIVE_UP_MS) });

/** The cluster as it is; once it is held, only what changed of it is asked for. */
export function useOverview(team: string) {
  const trpc = useTRPC();
  const client = useTRPCClient();
  const cache = useQueryClient();
  const options = trpc.cluster.overview.queryOptions({ team });
  return useQuery({
    ...options,
    queryFn: async () => {
      // An answer is laid over what it was asked for: whichever of two comes first, neither spoils the other.
      const held = cache.getQueryData(options.queryKey);
      const changes = held && (await client.cluster.changes.query({ team, since: held.revision }, alone()));
      return changes ? withChanges(held, changes) : client.cluster.overview.query({ team }, alone());
    },
    // It shares what did not change already; looking for it again would take a thousand comparisons.
    structuralSharing: false,
    refetchInterval: MEND_MS,
  });
}
