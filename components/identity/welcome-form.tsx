"use client";
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { readError, useTRPC } from "@/components/trpc/client";
import { AuthCard } from "@/components/ui/auth-card";
import { Button } from "@/components/ui/button";
import { Field, Input } from "@/components/ui/field";
import { AccountFields } from "./account-fields";
import { signIn } from "./auth-client";

/** A team's address from its name: lower case, hyphens. */
export const slugOf = (name: string): string =>
  name
    .normalize("NFKD")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 64);

export function WelcomeForm({ token }: { token: string }) {
  const trpc = useTRPC();
  const welcome = useMutation(trpc.identity.welcome.mutationOptions());
  const [teamName, setTeamName] = useState("");
  const problem = welcome.error ? readError(welcome.error) : null;

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const text = (name: string) => String(form.get(name));
    const input = {
      token,
      name: text("name"),
      email: text("email"),
      password: text("password"),
      teamName,
      teamSlug: slugOf(teamName),
    };
    const { team } = await welcome.mutateAsync(input);
    await signIn(input.email, input.password);
    window.location.assign(`/${team}/models`);
  }

  return (
    <AuthCard
      title="Make this console yours"
      lead="You become the first admin. Everyone else comes by an invite link that you make."
    >
      <form className="auth-form" onSubmit={(event) => void submit(event).catch(() => {})}>
        <AccountFields problem={problem} />
        <Field
          label="Team"
          hint={
            teamName
              ? `Its pages will be at /${slugOf(teamName)}`
              : "Such as Retail vision; you can have more than one later"
          }
          error={problem?.fields.teamSlug ?? problem?.fields.teamName}
        >
          <Input name="teamName" value={teamName} onValueChange={setTeamName} required />
        </Field>
        <Button
          variant="primary"
          size="lg"
          type="submit"
          busy={welcome.isPending || welcome.isSuccess ? "Making your team…" : undefined}
        >
          Make the team
        </Button>
      </form>
    </AuthCard>
  );
}
