"use client";
import { readError } from "@/components/trpc/client";
import { ErrorState } from "@/components/ui/feedback";

/** A release page that could not be shown; what serves goes on serving. */
export default function ReleasesError({ error, reset }: { error: Error; reset: () => void }) {
  const { message, remedy, requestId } = readError(error);
  return (
    <ErrorState
      what={message}
      remedy={remedy ?? "What serves goes on serving; only this page is missing."}
      requestId={requestId}
      onRetry={reset}
    />
  );
}
