"use client";
import { ErrorState } from "@/components/ui/feedback";
import { readError } from "./client";

interface Props {
  error: Parameters<typeof readError>[0];
  /** What still works, where the answer itself does not say how to mend it. */
  remedy?: string;
  /** Absent where asking again can change nothing. */
  onRetry?: () => unknown;
}

/** A query without an answer: what failed, what still works, and another try. */
export function QueryError({ error, remedy, onRetry }: Props) {
  const read = readError(error);
  return (
    <ErrorState
      what={read.message}
      remedy={read.remedy ?? remedy}
      requestId={read.requestId}
      onRetry={onRetry && (() => void onRetry())}
    />
  );
}
