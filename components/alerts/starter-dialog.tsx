"use client";
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { readError, useTRPC } from "@/components/trpc/client";
import { ProblemCallout } from "@/components/trpc/problem-callout";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { Field, Input } from "@/components/ui/field";
import { readNumber } from "@/components/ui/typed";
import { STARTERS, type Starter } from "@/server/alerts/starter-contract";
import { HearsField } from "./hears-field";
import { ONLY_OPERATORS, type Rules, type StarterRow } from "./rule-words";

const figuresOf = (starter: Starter) => Object.entries(STARTERS[starter].limits);
const numberOf = (limits: Readonly<Record<string, number>>, name: string): number => limits[name] ?? 0;

/** "more than 1%", "at least 90% full, or full within 24 h". */
export function figuresSay(starter: Starter, limits: Readonly<Record<string, number>>): string {
  const parts = figuresOf(starter).map(([name, { label, unit }]) => {
    const gap = unit.startsWith("%") ? "" : " ";
    return `${label.toLowerCase()} ${numberOf(limits, name)}${gap}${unit}`;
  });
  return parts.join(", ");
}

interface StarterDialogProps {
  team: string;
  row: StarterRow;
  webhooks: Rules["webhooks"];
  may: boolean;
  onClose: () => void;
}

/** The figures of a starter rule, and who hears of it. */
export function StarterDialog({ team, row, webhooks: hooks, may, onClose }: StarterDialogProps) {
  const { starter, isOn } = row;
  // What it was when the form was opened: who saves over another's change is told.
  const [revision] = useState(row.revision);
  const trpc = useTRPC();
  const set = useMutation(trpc.alerts.setStarter.mutationOptions({ onSuccess: onClose }));
  const figures = figuresOf(starter);
  const [texts, setTexts] = useState(() =>
    Object.fromEntries(figures.map(([name]) => [name, String(numberOf(row.limits, name))])),
  );
  const [webhooks, setWebhooks] = useState<string[] | null>(row.webhooks);
  const failed = set.error && readError(set.error);
  const errorOf = (name: string) => failed?.fields[`limits.${name}`] ?? failed?.fields[name];
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const limits = Object.fromEntries(figures.map(([name]) => [name, readNumber(texts[name] ?? "")]));
    set.mutate({ team, starter, revision, isOn, limits, webhooks });
  };
  return (
    <Dialog
      open
      onOpenChange={(next) => !next && onClose()}
      title={STARTERS[starter].name}
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button
            variant="primary"
            type="submit"
            form="starter"
            reason={may ? undefined : ONLY_OPERATORS}
            busy={set.isPending ? "Saving…" : undefined}
          >
            Save
          </Button>
        </>
      }
    >
      <form id="starter" className="col" onSubmit={submit}>
        <p className="t2">Looks at {STARTERS[starter].looksAt}.</p>
        {failed && !figures.some(([name]) => errorOf(name)) && <ProblemCallout problem={failed} />}
        {figures.length > 0 && (
          <div className="policy-row">
            {figures.map(([name, { label, unit, value }]) => (
              <Field key={name} label={label} hint={`as shipped: ${value}`} error={errorOf(name)}>
                <Input
                  inputMode="decimal"
                  unit={unit}
                  value={texts[name]}
                  onValueChange={(text) => setTexts({ ...texts, [name]: text })}
                />
              </Field>
            ))}
          </div>
        )}
        <HearsField hooks={hooks} value={webhooks} onChange={setWebhooks} error={failed?.fields.webhooks} />
      </form>
    </Dialog>
  );
}
