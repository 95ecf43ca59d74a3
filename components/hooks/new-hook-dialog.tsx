"use client";
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { readError, useTRPC } from "@/components/trpc/client";
import { ProblemCallout } from "@/components/trpc/problem-callout";
import { Button } from "@/components/ui/button";
import { Field, Input } from "@/components/ui/field";
import { OnceDialog } from "@/components/ui/once-dialog";
import { Checkbox } from "@/components/ui/toggle";
import { HookEvent } from "@/server/hooks/contract";

/** An address and what it is told; its secret is shown once. */
export function NewHookDialog({ team, open, onClose }: { team: string; open: boolean; onClose: () => void }) {
  const trpc = useTRPC();
  const create = useMutation(trpc.hooks.create.mutationOptions());
  const [url, setUrl] = useState("");
  const [events, setEvents] = useState<HookEvent[]>([...HookEvent.options]);
  const problem = create.error && readError(create.error);
  const close = () => {
    create.reset();
    setUrl("");
    onClose();
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    create.mutate({ team, url, events });
  };
  return (
    <OnceDialog
      open={open}
      onClose={close}
      title="New webhook"
      make={
        <Button
          variant="primary"
          type="submit"
          form="new-hook"
          busy={create.isPending ? "Adding…" : undefined}
          reason={events.length === 0 ? "Choose at least one event." : undefined}
        >
          Add the webhook
        </Button>
      }
      made={
        create.data && {
          says: "Its receiver checks signatures with this secret. Copy it now: it is not shown again.",
          text: create.data.secret,
          label: "Secret",
        }
      }
    >
      <form id="new-hook" className="col" onSubmit={submit}>
        {problem && !problem.fields.url && <ProblemCallout problem={problem} />}
        <Field label="Address" hint="https, on the public internet" error={problem?.fields.url}>
          <Input value={url} onValueChange={setUrl} required placeholder="https://example.com/hooks" />
        </Field>
        <fieldset className="policy-choices">
          <legend className="lab">Events</legend>
          {HookEvent.options.map((name) => (
            <Checkbox
              key={name}
              label={name}
              checked={events.includes(name)}
              onCheckedChange={(isIn) =>
                setEvents(HookEvent.options.filter((e) => (e === name ? isIn : events.includes(e))))
              }
            />
          ))}
        </fieldset>
      </form>
    </OnceDialog>
  );
}
