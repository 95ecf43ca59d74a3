"use client";
import { useMutation } from "@tanstack/react-query";
import { useRouter } from "next/navigation";
import { readError, useTRPC } from "@/components/trpc/client";
import { Button } from "@/components/ui/button";
import { useToast } from "@/components/ui/toast";

/** Releases this version to staging by one press; its request says how far it is. */
export function StageButton({ team, versionId }: { team: string; versionId: string }) {
  const trpc = useTRPC();
  const router = useRouter();
  const toast = useToast();
  const stage = useMutation(
    trpc.releases.staging.release.mutationOptions({
      onSuccess: ({ number }) => router.push(`/${team}/releases/requests/${number}`),
      onError: (error) => {
        const { message, remedy } = readError(error);
        toast({ state: "bad", title: message, detail: remedy ?? undefined });
      },
    }),
  );
  return (
    <Button
      busy={stage.isPending ? "Releasing…" : undefined}
      onClick={() => stage.mutate({ team, versionId })}
    >
      Release to staging
    </Button>
  );
}
