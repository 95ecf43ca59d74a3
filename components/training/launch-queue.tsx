"use client";
import { Field, Input } from "@/components/ui/field";
import { Select } from "@/components/ui/select";
import type { Priority } from "@/server/runs/contract";
import { RISES_AFTER_HOURS } from "@/server/runs/queue-contract";

export const PRIORITIES: readonly { value: Priority; label: string }[] = [
  { value: "low", label: "Low" },
  { value: "normal", label: "Normal" },
  { value: "high", label: "High" },
];

/** As typed; an empty limit is none. */
export const QUEUE_TYPED = { priority: "normal" as Priority, maxHours: "", maxCost: "" };
export type QueueTyped = typeof QUEUE_TYPED;

const limit = (text: string): number | null => (text.trim() ? Number(text) : null);

export const queueOf = ({ priority, maxHours, maxCost }: QueueTyped) => ({
  priority,
  maxHours: limit(maxHours),
  maxCost: limit(maxCost),
});

interface QueueFieldsProps {
  typed: QueueTyped;
  onChange: (next: QueueTyped) => void;
  /** By field, as the server answered. */
  errors: Record<string, string>;
}

/** Who goes first where room is short, and when it is stopped at the latest. */
export function QueueFields({ typed, onChange, errors }: QueueFieldsProps) {
  return (
    <>
      <Field
        label="Priority"
        hint={`the highest goes first, then the oldest; it rises with every ${RISES_AFTER_HOURS} h of waiting`}
        error={errors.priority}
      >
        <Select
          options={PRIORITIES}
          value={typed.priority}
          onValueChange={(priority) => onChange({ ...typed, priority })}
        />
      </Field>
      <Field label="Hours, at most" hint="then it is stopped; empty is no limit" error={errors.maxHours}>
        <Input
          value={typed.maxHours}
          onValueChange={(maxHours) => onChange({ ...typed, maxHours })}
          inputMode="decimal"
          unit="h"
        />
      </Field>
      <Field label="Cost, at most" hint="then it is stopped; empty is no limit" error={errors.maxCost}>
        <Input
          value={typed.maxCost}
          onValueChange={(maxCost) => onChange({ ...typed, maxCost })}
          inputMode="decimal"
          unit="$"
        />
      </Field>
    </>
  );
}
