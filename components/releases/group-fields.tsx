"use client";
import { Field, Input } from "@/components/ui/field";
import { Segmented } from "@/components/ui/segmented";
import { Checkbox } from "@/components/ui/toggle";
import type { Draft } from "./policy-draft";
import { type PartProps, TESTS } from "./policy-rows";

/** The floor under the recall of each class. */
export function ClassFields({ draft, errors, onChange }: PartProps) {
  const { classes } = draft;
  return (
    <>
      <Checkbox
        label="A floor for each class"
        checked={classes.isOn}
        onCheckedChange={(isOn) => onChange({ ...draft, classes: { ...classes, isOn } })}
      />
      {classes.isOn && (
        <div className="policy-row">
          <Field label="Recall falls at most" error={errors["classes.worseBy"]}>
            <Input
              inputMode="decimal"
              unit="points"
              value={classes.worseBy}
              onValueChange={(worseBy) => onChange({ ...draft, classes: { ...classes, worseBy } })}
            />
          </Field>
          <Field
            label="Least n of a class"
            hint="smaller ones are told as not measured"
            error={errors["classes.minSamples"]}
          >
            <Input
              inputMode="numeric"
              value={classes.minSamples}
              onValueChange={(minSamples) => onChange({ ...draft, classes: { ...classes, minSamples } })}
            />
          </Field>
        </div>
      )}
    </>
  );
}

/** What is asked of each slice that the dataset names. */
export function SliceFields({ draft, errors, onChange }: PartProps) {
  const { slices } = draft;
  const change = (values: Partial<Draft["slices"]>) =>
    onChange({ ...draft, slices: { ...slices, ...values } });
  return (
    <>
      <Checkbox
        label="A floor for each slice"
        checked={slices.isOn}
        onCheckedChange={(isOn) => change({ isOn })}
      />
      {slices.isOn && (
        <div className="policy-row">
          <Field label="Score at least" hint="empty for none" error={errors["slices.atLeast"]}>
            <Input
              inputMode="decimal"
              unit="%"
              value={slices.atLeast}
              onValueChange={(atLeast) => change({ atLeast })}
            />
          </Field>
          <Field label="At most worse by" hint="empty for no limit" error={errors["slices.worseBy"]}>
            <Input
              inputMode="decimal"
              unit="points"
              value={slices.worseBy}
              onValueChange={(worseBy) => change({ worseBy })}
            />
          </Field>
          <Field label="Tested on">
            <Segmented options={TESTS} value={slices.test} onValueChange={(test) => change({ test })} />
          </Field>
          <Field
            label="Least n of a slice"
            hint="smaller ones are told as not measured"
            error={errors["slices.minSamples"]}
          >
            <Input
              inputMode="numeric"
              value={slices.minSamples}
              onValueChange={(minSamples) => change({ minSamples })}
            />
          </Field>
        </div>
      )}
    </>
  );
}
