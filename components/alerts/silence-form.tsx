"use client";
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { readError, useTRPC } from "@/components/trpc/client";
import { ProblemCallout } from "@/components/trpc/problem-callout";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { Field, Input } from "@/components/ui/field";
import { Select } from "@/components/ui/select";
import { useToast } from "@/components/ui/toast";

const SPANS = [
  { value: "60", label: "an hour" },
  { value: "480", label: "8 hours" },
  { value: "1440", label: "a day" },
  { value: "10080", label: "a week" },
];

interface SilenceFormProps {
  team: string;
  /** A rule, or the key of one of its subjects. */
  matches: string;
  /** Why it can't be done now. */
  reason?: string | undefined;
  onDone?: (() => void) | undefined;
}

/** Keeps a rule, or one of its subjects, from being sent out for a while. */
export function SilenceForm({ team, matches, reason, onDone }: SilenceFormProps) {
  const trpc = useTRPC();
  const toast = useToast();
  const [minutes, setMinutes] = useState("60");
  const silence = useMutation(trpc.alerts.silence.mutationOptions());
  const failed = silence.error && readError(silence.error);
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = event.currentTarget;
    const why = String(new FormData(form).get("reason"));
    const lasts = SPANS.find(({ value }) => value === minutes)?.label;
    silence.mutate(
      { team, matches, minutes: Number(minutes), reason: why },
      {
        onSuccess: () => {
          form.reset();
          toast({ state: "ok", title: `Silenced for ${lasts}: webhooks are told nothing until then.` });
          onDone?.();
        },
      },
    );
  };
  return (
    <>
      {failed && !failed.fields.reason && <ProblemCallout problem={failed} />}
      <form className="row handle" onSubmit={submit}>
        <Field label="Silence it because" error={failed?.fields.reason}>
          <Input name="reason" placeholder="known, and nobody needs to be told" />
        </Field>
        <Field label="For">
          <Select options={SPANS} value={minutes} onValueChange={setMinutes} />
        </Field>
        <Button type="submit" reason={reason} busy={silence.isPending ? "Silencing…" : undefined}>
          Silence
        </Button>
      </form>
    </>
  );
}

/** The same for a rule of a list, whether it fires or not. */
export function SilenceDialog({
  name,
  onClose,
  ...of
}: Omit<SilenceFormProps, "onDone"> & { name: string; onClose: () => void }) {
  return (
    <Dialog open onOpenChange={(next) => !next && onClose()} title={`Silence ${name}`} width={560}>
      <div className="col">
        <p className="t2">Its alerts stay in the list; webhooks are told nothing until the silence ends.</p>
        <SilenceForm {...of} onDone={onClose} />
      </div>
    </Dialog>
  );
}
