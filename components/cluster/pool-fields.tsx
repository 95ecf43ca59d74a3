"use client";
import type { ReactNode } from "react";
import { Field, Input } from "@/components/ui/field";
import { Checkbox } from "@/components/ui/toggle";
import type { TypedPool } from "./pool-form";
import { PoolHours } from "./pool-hours";

const FIELDS = [
  { key: "min", label: "Nodes, at least", hint: "kept up without work", unit: undefined },
  { key: "max", label: "Nodes, at most", hint: "what the autoscaler may start", unit: undefined },
  { key: "idleSeconds", label: "Idle timeout", hint: "then a node leaves", unit: "s" },
  { key: "pricePerHour", label: "A node, per hour", hint: "empty takes it away", unit: "$" },
] as const;

interface PoolFieldsProps {
  typed: TypedPool;
  onChange: (typed: TypedPool) => void;
  errorAt: (...path: string[]) => string | undefined;
  /** More that may be chosen of it. */
  choices?: ReactNode;
}

/** Limits, idle timeout, price and hours of a pool. */
export function PoolFields({ typed, onChange, errorAt, choices }: PoolFieldsProps) {
  return (
    <>
      <div className="pool-fields">
        {FIELDS.map(({ key, label, hint, unit }) => (
          <Field key={key} label={label} hint={hint} error={errorAt(key)}>
            <Input
              value={typed[key]}
              onValueChange={(text) => onChange({ ...typed, [key]: text })}
              inputMode="decimal"
              unit={unit}
            />
          </Field>
        ))}
      </div>
      <div className="pool-choices">
        {choices}
        <Checkbox
          label="Other limits in office hours"
          checked={typed.hasHours}
          onCheckedChange={(hasHours) => onChange({ ...typed, hasHours })}
        />
      </div>
      {typed.hasHours && (
        <PoolHours
          value={typed.hours}
          onChange={(hours) => onChange({ ...typed, hours })}
          errorOf={(field) => errorAt("schedule", field)}
        />
      )}
    </>
  );
}
