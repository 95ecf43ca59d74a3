"use client";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import Link from "next/link";
import { readError, useTRPC } from "@/components/trpc/client";
import { Skeleton } from "@/components/ui/feedback";
import { type PoolLimits, replayPath } from "./replay-address";
import { lineSays } from "./replay-words";
import { useSettled } from "./use-settled";

/** What last week would have been under limits that somebody is about to set, in a line that leads to all of it. */
export function ReplayLine({ team, limits }: { team: string; limits: PoolLimits }) {
  const trpc = useTRPC();
  const text = useSettled(JSON.stringify(limits), 300);
  const settled = text === JSON.stringify(limits) ? limits : null;
  const replay = useQuery(
    trpc.cluster.replay.queryOptions(
      { team, pools: [limits] },
      { enabled: settled !== null, placeholderData: keepPreviousData, staleTime: Number.POSITIVE_INFINITY },
    ),
  );
  if (replay.isError)
    return <p className="t3">{`Last week is not known: ${readError(replay.error).message}`}</p>;
  if (replay.data === null) return null;
  if (!replay.data || !settled || replay.isPlaceholderData) return <Skeleton width="80%" />;
  return (
    <p>
      {lineSays(replay.data)}{" "}
      <Link className="link underline" href={replayPath(team, [limits])}>
        Replay it
      </Link>
    </p>
  );
}
