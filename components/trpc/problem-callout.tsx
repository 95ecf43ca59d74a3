"use client";
import { Callout } from "@/components/ui/feedback";
import type { ReadableError } from "./client";

type Problem = Pick<ReadableError, "message" | "remedy"> & Partial<Pick<ReadableError, "requestId">>;

/** An act that was refused: what is wrong and how to mend it, or by what id whoever runs the console finds out. */
export function ProblemCallout({ problem: { message, remedy, requestId } }: { problem: Problem }) {
  return (
    <Callout state="bad">
      <b>{message}</b> {remedy ?? (requestId && <span className="t3">request {requestId}</span>)}
    </Callout>
  );
}
