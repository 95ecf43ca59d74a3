"use client";
import { type FormEvent, useState } from "react";
import { AuthCard } from "@/components/ui/auth-card";
import { Button } from "@/components/ui/button";
import { Field, Input } from "@/components/ui/field";
import { signIn } from "./auth-client";

export function SignInForm() {
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    setBusy(true);
    const problem = await signIn(String(form.get("email")), String(form.get("password")));
    setError(problem);
    setBusy(problem === null);
    if (problem === null) window.location.assign("/");
  }

  return (
    <AuthCard title="Sign in">
      <form className="auth-form" onSubmit={submit}>
        <Field label="E-mail">
          <Input name="email" type="email" autoComplete="username" required autoFocus />
        </Field>
        <Field label="Password" error={error}>
          <Input name="password" type="password" autoComplete="current-password" required />
        </Field>
        <Button variant="primary" size="lg" type="submit" busy={busy ? "Signing in…" : undefined}>
          Sign in
        </Button>
      </form>
      <p className="t3 s12">No account? An admin of your team makes an invite link in Settings.</p>
    </AuthCard>
  );
}
