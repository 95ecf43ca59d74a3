"use client";
import { Field, Input } from "@/components/ui/field";
import { Checkbox } from "@/components/ui/toggle";
import type { Draft } from "./policy-draft";
import type { PartProps } from "./policy-rows";

/** Whether a version must have served staging before it is approved, and how long. */
export function StagingFields({ draft, errors, onChange }: PartProps) {
  const { staging } = draft;
  const set = (values: Partial<Draft["staging"]>) =>
    onChange({ ...draft, staging: { ...staging, ...values } });
  return (
    <>
      <Checkbox
        label="Only what has served in staging"
        checked={staging.isOn}
        onCheckedChange={(isOn) => set({ isOn })}
      />
      {staging.isOn && (
        <div className="policy-row">
          <Field label="For at least" error={errors["staging.hours"]}>
            <Input
              inputMode="decimal"
              unit="h"
              value={staging.hours}
              onValueChange={(hours) => set({ hours })}
            />
          </Field>
          <Field label="Asked at least" error={errors["staging.requests"]}>
            <Input
              inputMode="numeric"
              unit="times"
              value={staging.requests}
              onValueChange={(requests) => set({ requests })}
            />
          </Field>
        </div>
      )}
    </>
  );
}
