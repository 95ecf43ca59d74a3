"use client";
import { useMutation, useQuery } from "@tanstack/react-query";
import type { FormEvent } from "react";
import { readError, useTRPC } from "@/components/trpc/client";
import { QueryError } from "@/components/trpc/query-error";
import { AuthCard } from "@/components/ui/auth-card";
import { Button } from "@/components/ui/button";
import { Skeleton } from "@/components/ui/feedback";
import { AccountFields } from "./account-fields";
import { signIn } from "./auth-client";

export function InviteForm({ token }: { token: string }) {
  const trpc = useTRPC();
  const invite = useQuery(trpc.identity.describeInvite.queryOptions({ token }, { retry: false }));
  const accept = useMutation(trpc.identity.acceptInvite.mutationOptions());
  const problem = accept.error ? readError(accept.error) : null;

  if (invite.isPending) {
    return (
      <AuthCard title="Join a team">
        <Skeleton />
      </AuthCard>
    );
  }
  if (invite.isError) {
    return (
      <AuthCard title="Join a team">
        <QueryError error={invite.error} onRetry={invite.refetch} />
      </AuthCard>
    );
  }

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const text = (name: string) => String(form.get(name));
    const input = { token, name: text("name"), email: text("email"), password: text("password") };
    const { team } = await accept.mutateAsync(input);
    await signIn(input.email, input.password);
    window.location.assign(`/${team}/models`);
  }

  return (
    <AuthCard title={`Join ${invite.data.team}`} lead={`You come as ${invite.data.roles.join(", ")}.`}>
      <form className="auth-form" onSubmit={(event) => void submit(event).catch(() => {})}>
        <AccountFields problem={problem} />
        <Button
          variant="primary"
          size="lg"
          type="submit"
          busy={accept.isPending || accept.isSuccess ? "Joining…" : undefined}
        >
          Join
        </Button>
      </form>
    </AuthCard>
  );
}
