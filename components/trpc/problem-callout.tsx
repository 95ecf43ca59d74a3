"use client";
import { Callout } from "@/components/ui/feedback";
import type { ReadableError } from "./client";

/** An act that was refused: what is wrong and how to mend it. */
export function ProblemCallout({ problem }: { problem: Pick<ReadableError, "message" | "remedy"> }) {
  return (
    <Callout state="bad">
      <b>{problem.message}</b> {problem.remedy}
    </Callout>
  );
}
