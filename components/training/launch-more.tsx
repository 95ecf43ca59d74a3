"use client";
import { useEffect, useState } from "react";
import { Field, Input } from "@/components/ui/field";
import { Select } from "@/components/ui/select";
import { Checkbox } from "@/components/ui/toggle";
import { MoreHyper } from "@/server/training/contract";

const DEFAULTS = MoreHyper.parse({});

/** As typed; figures become numbers when they parse. */
export const MORE_TYPED = {
  ...DEFAULTS,
  weightDecay: String(DEFAULTS.weightDecay),
  clipNorm: String(DEFAULTS.clipNorm),
  warmupFraction: String(DEFAULTS.warmupFraction),
  accumulate: String(DEFAULTS.accumulate),
  lowerRateFactor: String(DEFAULTS.lowerRateFactor),
  lowerRateTimes: String(DEFAULTS.lowerRateTimes),
  keepLast: String(DEFAULTS.keepLast),
  keepEverySteps: String(DEFAULTS.keepEverySteps),
  /** Empty leaves it to the step times. */
  stallSeconds: String(DEFAULTS.stallSeconds ?? ""),
  /** Empty: all workers or none. */
  minWorkers: "",
};
export type MoreTyped = typeof MORE_TYPED;

export const moreOf = (typed: MoreTyped): MoreHyper & { minWorkers: number | null } => ({
  ...typed,
  weightDecay: Number(typed.weightDecay),
  clipNorm: Number(typed.clipNorm),
  warmupFraction: Number(typed.warmupFraction),
  accumulate: Number(typed.accumulate),
  lowerRateFactor: Number(typed.lowerRateFactor),
  lowerRateTimes: Number(typed.lowerRateTimes),
  keepLast: Number(typed.keepLast),
  keepEverySteps: Number(typed.keepEverySteps),
  stallSeconds: optional(typed.stallSeconds),
  minWorkers: optional(typed.minWorkers),
});

const optional = (typed: string): number | null => (typed.trim() === "" ? null : Number(typed));

/** What most launches leave alone, with how many of these this one changes. */
const changed = (typed: MoreTyped): number =>
  Object.entries(MORE_TYPED).filter(([name, usual]) => typed[name as keyof MoreTyped] !== usual).length;

type Figure = {
  [Name in keyof MoreTyped]: MoreTyped[Name] extends string
    ? string extends MoreTyped[Name]
      ? Name
      : never
    : never;
}[keyof MoreTyped];
type Choice = "optimizer" | "schedule" | "compute" | "onDivergence" | "onOutOfMemory";

interface MoreFieldsProps {
  typed: MoreTyped;
  onChange: (next: MoreTyped) => void;
  /** By field, as the server answered. */
  errors: Record<string, string>;
}

/** Folded until asked for, or until one of its fields is wrong. */
export function MoreFields({ typed, onChange, errors }: MoreFieldsProps) {
  const [open, setOpen] = useState(false);
  const isWrong = Object.keys(MORE_TYPED).some((name) => errors[name]);
  useEffect(() => {
    if (isWrong) setOpen(true);
  }, [isWrong]);
  const figure = (name: Figure, label: string, hint?: string) => (
    <Field label={label} hint={hint} error={errors[name]}>
      <Input
        value={typed[name]}
        onValueChange={(value) => onChange({ ...typed, [name]: value })}
        inputMode="decimal"
      />
    </Field>
  );
  const choice = <Name extends Choice>(
    name: Name,
    label: string,
    options: Record<MoreTyped[Name], string>,
  ) => (
    <Field label={label} error={errors[name]}>
      <Select
        options={(Object.entries(options) as [MoreTyped[Name], string][]).map(([value, says]) => ({
          value,
          label: says,
        }))}
        value={typed[name]}
        onValueChange={(value) => onChange({ ...typed, [name]: value })}
      />
    </Field>
  );
  const others = changed(typed);
  return (
    <details className="launch-more" open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        More <span className="t2">{others === 0 ? "all as usual" : `${others} not as usual`}</span>
      </summary>
      <div className="launch-fields">
        {choice("optimizer", "Optimizer", { adamw: "AdamW", sgd: "SGD, Nesterov" })}
        {figure("weightDecay", "Weight decay")}
        {figure("clipNorm", "Clip gradients at", "total norm")}
        {choice("schedule", "Schedule", {
          cosine: "Cosine to 0",
          linear: "Linear to 0",
          constant: "Constant",
        })}
        {figure("warmupFraction", "Warm-up", "share of all steps, 0 to 0.5")}
        {figure("accumulate", "Micro-batches a step", "more need less memory; the gradient is the same")}
        {choice("compute", "Compute in", { fp32: "fp32", bf16: "bf16, weights fp32" })}
        {choice("onDivergence", "When it diverges", { stop: "Stop", lower_rate: "Go back, lower the rate" })}
        {typed.onDivergence === "lower_rate" && (
          <>
            {figure("lowerRateFactor", "Rate times", "0.01 to 0.99, each time")}
            {figure("lowerRateTimes", "Times, at most", "then it stops")}
          </>
        )}
        {choice("onOutOfMemory", "When memory runs out", {
          smaller_batch: "Smaller batches",
          stop: "Stop",
        })}
        {figure("keepLast", "Keep checkpoints", "the newest; the most accurate is kept besides")}
        {figure("keepEverySteps", "And those of every", "steps; 0: none")}
        {figure("stallSeconds", "Stalled after", "s without a step; empty: 10 steps, 60 s or more; 0: never")}
        {figure(
          "minWorkers",
          "Workers, at least",
          "shrinks to it when a node is lost, grows back; empty: all",
        )}
        <Checkbox
          label="Shift and flip images"
          checked={typed.augment}
          onCheckedChange={(augment) => onChange({ ...typed, augment })}
        />
      </div>
    </details>
  );
}
