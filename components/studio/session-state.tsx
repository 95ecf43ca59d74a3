"use client";
import { useState } from "react";
import type { Outputs } from "@/components/trpc/client";
import { useWhys } from "@/components/trpc/use-whys";
import { Button } from "@/components/ui/button";
import { useNow } from "@/components/ui/clock";
import { Callout } from "@/components/ui/feedback";
import { duration } from "@/components/ui/format";
import { StatusDot } from "@/components/ui/status";

type Session = Outputs["studio"]["session"] | undefined;

/** In the header: that a worker is warm, and where. */
export function SessionPlace({ session }: { session: Session }) {
  if (session?.state === "ready") {
    return (
      <StatusDot state="ok">Session warm{session.nodeId && ` on ${session.nodeId.slice(0, 8)}`}</StatusDot>
    );
  }
  if (session?.state === "failed") return <StatusDot state="bad">Session failed</StatusDot>;
  if (session?.state === "closed") return <StatusDot state="off">Session closed</StatusDot>;
  return <StatusDot state="running">Session opening</StatusDot>;
}

interface Props {
  team: string;
  session: Session;
  /** Whether figures of before are on screen. */
  hasBaseline: boolean;
  onReopen: () => void;
}

/** Why nothing is measured now, in words, and what can be done. */
export function SessionState({ team, session, hasBaseline, onReopen }: Props) {
  const now = useNow();
  const why = useWhys(team, session?.state === "opening")("session", session?.id ?? "");
  // A session that comes back is older than this wait for it.
  const [began, setBegan] = useState<number | null>(null);
  if (began === null && now !== null) setBegan(now);
  if (session?.state === "failed") {
    return (
      <Callout state="bad" actions={<Button onClick={onReopen}>Open it again</Button>}>
        <b className="m">The session could not be held.</b> {session.message}
      </Callout>
    );
  }
  if (session?.state === "closed") {
    return (
      <Callout state="stale" actions={<Button onClick={onReopen}>Open it again</Button>}>
        <b className="m">The session closed after idling, to free its CPU.</b> What was measured is kept;
        turning a dial opens it again.
      </Callout>
    );
  }
  const since = began !== null && now !== null ? (now - began) / 1000 : null;
  return (
    <Callout state="running">
      <b className="m">{hasBaseline ? "The session is coming back." : "The session is opening."}</b>{" "}
      {why ||
        session?.message ||
        "It holds model and dataset warm, so that a setting is measured within a second."}
      {since !== null && since >= 2 && <span className="t2"> {duration(Math.floor(since))} so far.</span>}
    </Callout>
  );
}
