"use client";
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { readError, useTRPC } from "@/components/trpc/client";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { Snippet } from "@/components/ui/digest";
import { Callout } from "@/components/ui/feedback";
import { Field, Input } from "@/components/ui/field";
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
    <Dialog
      open={open}
      onOpenChange={(next) => !next && close()}
      title="New webhook"
      footer={
        create.data ? (
          <Button variant="primary" onClick={close}>
            Done
          </Button>
        ) : (
          <>
            <Button onClick={close}>Cancel</Button>
            <Button
              variant="primary"
              type="submit"
              form="new-hook"
              busy={create.isPending ? "Adding…" : undefined}
              reason={events.length === 0 ? "Choose at least one event." : undefined}
            >
              Add the webhook
            </Button>
          </>
        )
      }
    >
      {create.data ? (
        <div className="col">
          <p>Its receiver checks signatures with this secret. Copy it now: it is not shown again.</p>
          <Snippet text={create.data.secret} label="Secret" />
        </div>
      ) : (
        <form id="new-hook" className="col" onSubmit={submit}>
          {problem && !problem.fields.url && (
            <Callout state="bad">
              {problem.message} {problem.remedy}
            </Callout>
          )}
          <Field label="Address" hint="https, on the public internet" error={problem?.fields.url}>
            <Input
              value={url}
              onValueChange={setUrl}
              required
              autoFocus
              placeholder="https://example.com/hooks"
            />
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
      )}
    </Dialog>
  );
}
