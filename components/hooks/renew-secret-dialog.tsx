"use client";
import { useMutation } from "@tanstack/react-query";
import { type Outputs, readError, useTRPC } from "@/components/trpc/client";
import { ProblemCallout } from "@/components/trpc/problem-callout";
import { Button } from "@/components/ui/button";
import { OnceDialog } from "@/components/ui/once-dialog";

type Hook = Outputs["hooks"]["list"][number];

/** Another secret for an endpoint, shown once. */
export function RenewSecretDialog({
  team,
  hook,
  onClose,
}: {
  team: string;
  hook: Hook;
  onClose: () => void;
}) {
  const trpc = useTRPC();
  const renew = useMutation(trpc.hooks.renewSecret.mutationOptions());
  return (
    <OnceDialog
      open
      onClose={onClose}
      title={`New secret for ${new URL(hook.url).host}`}
      make={
        <Button
          variant="primary"
          busy={renew.isPending ? "Making it…" : undefined}
          onClick={() => renew.mutate({ team, hookId: hook.id })}
        >
          Make a new secret
        </Button>
      }
      made={
        renew.data && {
          says: "Give it to the receiver now: what is sent from here on is signed with it, and it is not shown again.",
          text: renew.data.secret,
          label: "Secret",
        }
      }
    >
      {renew.error && <ProblemCallout problem={readError(renew.error)} />}
      <p>
        The one that it has signs nothing any more, so its receiver refuses messages until it knows the new
        one. Those that it refuses are tried again for a day.
      </p>
    </OnceDialog>
  );
}
