"use client";
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { readError, useTRPC } from "@/components/trpc/client";
import { ProblemCallout } from "@/components/trpc/problem-callout";
import { Button } from "@/components/ui/button";
import { Sheet } from "@/components/ui/dialog";
import { Field, Input, Textarea } from "@/components/ui/field";
import { Segmented } from "@/components/ui/segmented";
import { Select } from "@/components/ui/select";
import { useToast } from "@/components/ui/toast";
import { SERIES, SERIES_NAMES } from "@/server/alerts/rule-contract";
import { HearsField } from "./hears-field";
import { type Draft, draftOf, errorsOf, looksOf } from "./rule-draft";
import { RulePreview } from "./rule-preview";
import { ONLY_OPERATORS, type Rules, type Written } from "./rule-words";

const SERIES_OPTIONS = SERIES_NAMES.map((value) => ({
  value,
  label: SERIES[value].name,
  hint: SERIES[value].unit || undefined,
}));
const KINDS = [
  { value: "threshold" as const, label: "threshold", hint: "above or below a value" },
  { value: "absence" as const, label: "absence", hint: "no value for a while" },
  { value: "rate" as const, label: "rate", hint: "changes by more than so much" },
];
const SEVERITIES = [
  { value: "warning" as const, label: "warning" },
  { value: "bad" as const, label: "problem" },
];

interface RuleSheetProps {
  team: string;
  /** Undefined: a new one. */
  rule: Written | undefined;
  rules: Rules;
  may: boolean;
  onClose: () => void;
}

/** A rule as a form, with what it would have done over the last day beside it. */
export function RuleSheet({ team, rule, rules, may, onClose }: RuleSheetProps) {
  const trpc = useTRPC();
  const toast = useToast();
  const [draft, setDraft] = useState(() => draftOf(rule));
  // What it was when the form was opened: what is typed stays, and who saves over another's change is told.
  const [revision] = useState(rule?.revision ?? 0);
  const [isTried, setTried] = useState(false);
  const save = useMutation(
    trpc.alerts.saveRule.mutationOptions({
      onSuccess: () => {
        toast({ state: "ok", title: `${draft.name} is watched from now on.` });
        onClose();
      },
    }),
  );
  const change = (values: Partial<Draft>) => setDraft({ ...draft, ...values });
  const wrong = errorsOf(draft);
  const failed = save.error && readError(save.error);
  // An empty field is no mistake until somebody tries to save it.
  const shown = (field: string, text = "-") =>
    failed?.fields[field] ?? (isTried || text.trim() !== "" ? wrong[field] : undefined);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (Object.keys(wrong).length > 0) return;
    const { name, note, severity, webhooks } = draft;
    save.mutate({
      ...{ team, ruleId: rule?.id ?? null, revision },
      rule: { ...looksOf(draft), name, note, severity, webhooks, isOn: rule?.isOn ?? true },
    });
  };
  return (
    <Sheet
      open
      onOpenChange={(next) => !next && onClose()}
      title={rule ? rule.name : "New alert rule"}
      width={720}
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button
            variant="primary"
            type="submit"
            form="rule"
            reason={may ? undefined : ONLY_OPERATORS}
            busy={save.isPending ? "Saving…" : undefined}
          >
            {rule ? "Save the rule" : "Watch from now on"}
          </Button>
        </>
      }
    >
      <form id="rule" className="body col" onSubmit={submit} noValidate>
        {failed && Object.keys(failed.fields).length === 0 && <ProblemCallout problem={failed} />}
        <div className="policy-row">
          <Field label="Name" error={failed?.fields.name} className="grow">
            <Input
              value={draft.name}
              onValueChange={(name) => change({ name })}
              placeholder="Checkout answers slowly"
              data-first=""
            />
          </Field>
          <Field label="It is a">
            <Segmented
              options={SEVERITIES}
              value={draft.severity}
              onValueChange={(severity) => change({ severity })}
            />
          </Field>
        </div>
        <SeriesFields draft={draft} team={team} error={shown} onChange={change} />
        <ConditionFields draft={draft} error={shown} onChange={change} />
        <RulePreview team={team} draft={draft} onSubject={(subject) => change({ subject })} />
        <Field label="Note" hint="told with the alert: what to do about it" error={failed?.fields.note}>
          <Textarea value={draft.note} onValueChange={(note) => change({ note })} rows={2} />
        </Field>
        <HearsField
          hooks={rules.webhooks}
          value={draft.webhooks}
          onChange={(webhooks) => change({ webhooks })}
          error={failed?.fields.webhooks}
        />
      </form>
    </Sheet>
  );
}

interface FieldsProps {
  draft: Draft;
  error: (field: string, text?: string) => string | undefined;
  onChange: (values: Partial<Draft>) => void;
}

function SeriesFields({ draft, error, onChange }: FieldsProps & { team: string }) {
  return (
    <div className="policy-row">
      <Field label="Looks at" error={error("series")} className="grow">
        <Select
          options={SERIES_OPTIONS}
          value={draft.series}
          onValueChange={(series) => onChange({ series, subject: "" })}
        />
      </Field>
      {draft.series === "run.metric" && (
        <Field label="Metric" error={error("metric", draft.metric)}>
          <Input
            value={draft.metric}
            onValueChange={(metric) => onChange({ metric })}
            placeholder="train/loss"
          />
        </Field>
      )}
      <Field label="Fires by">
        <Segmented options={KINDS} value={draft.kind} onValueChange={(kind) => onChange({ kind })} />
      </Field>
    </div>
  );
}

const SIDES = [
  { value: "above" as const, label: "above" },
  { value: "below" as const, label: "below" },
];
const DIRECTIONS = [
  { value: "rises" as const, label: "rises" },
  { value: "falls" as const, label: "falls" },
];

function ConditionFields({ draft, error, onChange }: FieldsProps) {
  const unit = SERIES[draft.series].unit || undefined;
  const field = (
    name: "value" | "minutes" | "clear" | "by",
    label: string,
    of: string | undefined,
    hint?: string,
  ) => (
    <Field label={label} error={error(name, draft[name])} hint={hint}>
      <Input
        inputMode="decimal"
        unit={of}
        value={draft[name]}
        onValueChange={(text) => onChange({ [name]: text })}
      />
    </Field>
  );
  if (draft.kind === "absence")
    return <div className="policy-row">{field("minutes", "Without a value for", "min")}</div>;
  if (draft.kind === "rate")
    return (
      <div className="policy-row">
        <Field label="It">
          <Segmented
            options={DIRECTIONS}
            value={draft.direction}
            onValueChange={(direction) => onChange({ direction })}
          />
        </Field>
        {field("by", "By more than", unit, "over once it is less than half of that")}
        {field("minutes", "Within", "min")}
      </div>
    );
  return (
    <div className="policy-row">
      <Field label="It is">
        <Segmented options={SIDES} value={draft.side} onValueChange={(side) => onChange({ side })} />
      </Field>
      {field("value", "Than", unit)}
      {field("minutes", "For", "min")}
      {field("clear", "Clears at", unit, "so that it does not come and go")}
    </div>
  );
}
