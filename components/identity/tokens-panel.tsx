"use client";
import { useMutation, useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { type Outputs, readError, useTRPC } from "@/components/trpc/client";
import { Age } from "@/components/ui/age";
import { Button, TextAction } from "@/components/ui/button";
import { ConfirmDialog } from "@/components/ui/dialog";
import { EmptyState } from "@/components/ui/feedback";
import { Field, Input } from "@/components/ui/field";
import { datetime } from "@/components/ui/format";
import { OnceDialog } from "@/components/ui/once-dialog";
import { Panel } from "@/components/ui/panel";
import { Select } from "@/components/ui/select";
import { Table } from "@/components/ui/table";

type Token = Outputs["identity"]["tokens"][number];

export function TokensPanel({ team }: { team: string }) {
  const trpc = useTRPC();
  const { data: tokens, isPending } = useQuery(trpc.identity.tokens.queryOptions({ team }));
  const revoke = useMutation(trpc.identity.revokeToken.mutationOptions());
  const [creating, setCreating] = useState(false);
  const [leaving, setLeaving] = useState<Token | null>(null);
  return (
    <Panel
      title="Tokens"
      subtitle="for programs that ask models, and for wall screens; shown once, kept as a hash"
      tools={<Button onClick={() => setCreating(true)}>New token…</Button>}
    >
      <Table
        label="Tokens"
        rows={tokens ?? []}
        rowKey={(t) => t.id}
        loading={isPending}
        empty={
          <EmptyState title="No tokens yet">
            A program needs one to ask a served model, a screen to show the wallboard.
          </EmptyState>
        }
        columns={[
          { key: "name", head: "Name", cell: (t) => <span className="m">{t.name}</span> },
          { key: "hint", head: "Ends with", cell: (t) => <span className="mono t2">…{t.hint}</span> },
          { key: "scopes", head: "Scopes", cell: (t) => t.scopes.join(", ") },
          {
            key: "rate",
            head: "Requests a second",
            align: "end",
            cell: (t) => t.ratePerSecond ?? "no limit",
          },
          {
            key: "expires",
            head: "Expires",
            cell: (t) => (t.expiresAt ? datetime(t.expiresAt.getTime(), "local") : "never"),
          },
          {
            key: "used",
            head: "Last used",
            align: "end",
            cell: (t) => (t.lastUsedAt ? <Age at={t.lastUsedAt.getTime()} form="ago" /> : "never"),
          },
          {
            key: "revoke",
            head: <span className="sr-only">Revoke</span>,
            align: "end",
            cell: (t) => (
              <TextAction onClick={() => setLeaving(t)} aria-label={`Revoke ${t.name}`}>
                Revoke…
              </TextAction>
            ),
          },
        ]}
      />
      <ConfirmDialog
        open={leaving !== null}
        onOpenChange={(open) => !open && setLeaving(null)}
        title={`Revoke ${leaving?.name}?`}
        confirm="Revoke it"
        keep="Keep it"
        danger
        onConfirm={async () => leaving && revoke.mutateAsync({ team, tokenId: leaving.id })}
      >
        <p>{leaving && revokedSays(leaving)} There is no way back: another token would have to be made.</p>
      </ConfirmDialog>
      <NewTokenDialog team={team} open={creating} onClose={() => setCreating(false)} />
    </Panel>
  );
}

/** What stops with a token. */
function revokedSays({ scopes, lastUsedAt }: Token): string {
  const used = lastUsedAt ? ` It was last used on ${datetime(lastUsedAt.getTime(), "local")}.` : "";
  return scopes.includes("display")
    ? `Screens that show the wallboard by it go dark within seconds.${used}`
    : `Programs that ask models by it are answered 401 within seconds.${used}`;
}

type Scope = "inference" | "display";
const SCOPES: { value: Scope; label: string }[] = [
  { value: "inference", label: "a program that asks models" },
  { value: "display", label: "a wall screen: reads the wallboard" },
];
const LIFETIMES = [
  { value: "30", label: "30 days" },
  { value: "90", label: "90 days" },
  { value: "365", label: "1 year" },
  { value: "never", label: "never" },
];

function NewTokenDialog({ team, open, onClose }: { team: string; open: boolean; onClose: () => void }) {
  const trpc = useTRPC();
  const create = useMutation(trpc.identity.createToken.mutationOptions());
  const [lifetime, setLifetime] = useState("90");
  const [scope, setScope] = useState<Scope>("inference");
  const close = () => {
    create.reset();
    onClose();
  };
  const problem = create.error && readError(create.error);
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const rate = String(form.get("rate")).trim();
    create.mutate({
      team,
      name: String(form.get("name")),
      scopes: [scope],
      expiresInDays: lifetime === "never" ? null : Number(lifetime),
      ratePerSecond: scope !== "inference" || rate === "" ? null : Number(rate),
    });
  };
  return (
    <OnceDialog
      open={open}
      onClose={close}
      title="New token"
      make={
        <Button
          variant="primary"
          type="submit"
          form="new-token"
          busy={create.isPending ? "Making it…" : undefined}
        >
          Make the token
        </Button>
      }
      made={
        create.data && {
          says: `Copy it now: it is not shown again.${scope === "display" ? " Open /wall on the screen and paste it there." : ""}`,
          text: create.data.token,
          label: "Token",
        }
      }
    >
      <form id="new-token" className="auth-form" onSubmit={submit}>
        <Field
          label="Name"
          hint="Lower-case letters, digits and hyphens"
          error={problem?.fields.name ?? (problem?.fields.ratePerSecond ? undefined : problem?.message)}
        >
          <Input name="name" required />
        </Field>
        <Field label="For">
          <Select options={SCOPES} value={scope} onValueChange={setScope} />
        </Field>
        <Field label="Expires after">
          <Select options={LIFETIMES} value={lifetime} onValueChange={setLifetime} />
        </Field>
        {scope === "inference" && (
          <Field
            label="Requests a second"
            hint="At most, at each gateway; more answer 429. Empty: no limit"
            error={problem?.fields.ratePerSecond}
          >
            <Input name="rate" inputMode="numeric" placeholder="no limit" unit="/ s" />
          </Field>
        )}
      </form>
    </OnceDialog>
  );
}
