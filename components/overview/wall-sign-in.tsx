"use client";
import { type FormEvent, useState } from "react";
import { z } from "zod";
import { AuthCard } from "@/components/ui/auth-card";
import { Button } from "@/components/ui/button";
import { Field, Input } from "@/components/ui/field";

const Refusal = z.object({ error: z.object({ message: z.string() }) });

/** Signs a screen in: a display token is pasted once, and kept where no script reads it. */
export function WallSignIn() {
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    setBusy(true);
    const token = String(new FormData(event.currentTarget).get("token")).trim();
    const answer = await fetch("/api/display", {
      method: "POST",
      headers: { "content-type": "application/json", "x-lathe": "1" },
      body: JSON.stringify({ token }),
    }).catch(() => null);
    if (answer?.ok) return window.location.assign("/wall");
    const said = Refusal.safeParse(await answer?.json().catch(() => null));
    setError(said.data?.error.message ?? "The console does not answer. Try again in a moment.");
    setBusy(false);
  }

  return (
    <main className="auth">
      <AuthCard title="Wallboard" lead="This screen shows one team's overview, and may do nothing else.">
        <form className="auth-form" onSubmit={submit}>
          <Field
            label="Display token"
            hint="An admin makes one in Settings, Tokens, for a wall screen"
            error={error}
          >
            <Input name="token" type="password" autoComplete="off" required autoFocus />
          </Field>
          <Button variant="primary" size="lg" type="submit" busy={busy ? "Signing in…" : undefined}>
            Show the wallboard
          </Button>
        </form>
      </AuthCard>
    </main>
  );
}
