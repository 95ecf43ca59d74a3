"use client";
import { useQuery } from "@tanstack/react-query";
import Link from "next/link";
import { useTRPC } from "@/components/trpc/client";
import { Callout } from "@/components/ui/feedback";

/** Whether the team's budget keeps new work from beginning: its words, or null. Other tabs' edits arrive by events. */
export function useHold(team: string) {
  const trpc = useTRPC();
  return useQuery(trpc.cost.hold.queryOptions({ team }, { refetchInterval: 60_000 })).data ?? null;
}

/** Says before anybody presses that nothing new is launched, and who can mend it; nothing while it is. */
export function HoldNotice({ team }: { team: string }) {
  const hold = useHold(team);
  if (!hold) return null;
  return (
    <Callout state="bad">
      <b>{hold.says}</b> Nothing new is launched. {hold.remedy}{" "}
      <Link className="link underline" href={`/${team}/cluster/cost`}>
        Open the budget
      </Link>
    </Callout>
  );
}
