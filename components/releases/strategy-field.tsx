"use client";
import { useState } from "react";
import { Callout } from "@/components/ui/feedback";
import { Field, Input } from "@/components/ui/field";
import { Segmented } from "@/components/ui/segmented";
import { Checkbox } from "@/components/ui/toggle";
import {
  DEFAULT_CANARY,
  DEFAULT_SHADOW,
  Strategy,
  strategyInWords,
} from "@/server/releases/rollout-contract";

type Kind = Strategy["kind"];
export interface Draft {
  kind: Kind;
  steps: string;
  bakeMinutes: string;
  auto: boolean;
  percent: string;
  minutes: string;
}

const FIRST: Draft = {
  kind: "at_once",
  steps: DEFAULT_CANARY.steps.join(", "),
  bakeMinutes: String(DEFAULT_CANARY.bakeMinutes),
  auto: DEFAULT_CANARY.auto,
  percent: String(DEFAULT_SHADOW.percent),
  minutes: String(DEFAULT_SHADOW.minutes),
};

/** What the fields say: a strategy, or what is wrong with them. */
export function readDraft(draft: Draft): { strategy: Strategy; problem?: undefined } | { problem: string } {
  const read = Strategy.safeParse({
    ...draft,
    steps: draft.steps
      .split(/[\s,]+/)
      .filter(Boolean)
      .map(Number),
    bakeMinutes: Number(draft.bakeMinutes),
    percent: Number(draft.percent),
    minutes: Number(draft.minutes),
  });
  if (read.success) return { strategy: read.data };
  const [issue] = read.error.issues;
  return {
    problem: issue ? `${FIELDS[String(issue.path[0])] ?? "Strategy"}: ${issue.message}.` : "Not a strategy.",
  };
}

const FIELDS: Record<string, string> = {
  steps: "Steps",
  bakeMinutes: "Minutes a step",
  percent: "Share",
  minutes: "Minutes",
};

export const useStrategy = () => useState(FIRST);

interface FieldProps {
  draft: Draft;
  onDraft: (draft: Draft) => void;
  /** What of the candidate's signature breaks clients of what serves. */
  breaks: string | null;
}

/** How traffic would move: part of what the approver agrees to. */
export function StrategyField({ draft, onDraft, breaks }: FieldProps) {
  const set = (change: Partial<Draft>) => onDraft({ ...draft, ...change });
  const read = readDraft(draft);
  return (
    <div className="col">
      <Field label="How traffic moves">
        <Segmented<Kind>
          options={[
            { value: "at_once", label: "At once" },
            { value: "canary", label: "Canary" },
            { value: "shadow", label: "Shadow" },
          ]}
          value={draft.kind}
          onValueChange={(kind) => set({ kind })}
        />
      </Field>
      {draft.kind === "canary" && (
        <>
          <div className="g g2">
            <Field label="Steps, percent of the requests">
              <Input value={draft.steps} onValueChange={(steps) => set({ steps })} />
            </Field>
            <Field label="Each for at least">
              <Input
                value={draft.bakeMinutes}
                onValueChange={(bakeMinutes) => set({ bakeMinutes })}
                inputMode="numeric"
                unit="min"
              />
            </Field>
          </div>
          <Checkbox
            label="Goes on by itself; else each step takes a press"
            checked={draft.auto}
            onCheckedChange={(auto) => set({ auto })}
          />
        </>
      )}
      {draft.kind === "shadow" && (
        <div className="g g2">
          <Field label="Requests mirrored">
            <Input
              value={draft.percent}
              onValueChange={(percent) => set({ percent })}
              inputMode="numeric"
              unit="%"
            />
          </Field>
          <Field label="For">
            <Input
              value={draft.minutes}
              onValueChange={(minutes) => set({ minutes })}
              inputMode="numeric"
              unit="min"
            />
          </Field>
        </div>
      )}
      {breaks && (
        <Callout state={draft.kind === "at_once" ? "warning" : "bad"}>
          <b>
            {draft.kind === "at_once" ? "Clients must change with it" : `A ${draft.kind} would break clients`}
            :
          </b>{" "}
          {breaks}.{" "}
          {draft.kind !== "at_once" &&
            "Ask for all traffic at once, or export it with the same names, types and shapes."}
        </Callout>
      )}
      <p className={read.problem === undefined ? "help" : "help err"}>
        {read.problem === undefined
          ? `${strategyInWords(read.strategy)}${draft.kind === "at_once" ? "" : "; a rule that fires ends it"}.`
          : read.problem}
      </p>
    </div>
  );
}
