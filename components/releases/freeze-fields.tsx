"use client";
import { Field, Input } from "@/components/ui/field";
import { Checkbox } from "@/components/ui/toggle";
import { WEEKDAYS } from "@/server/releases/policy-contract";
import { type PartProps, Rows } from "./policy-rows";

/** When nobody approves: times of the week and dates, on the clocks of one place. */
export function FreezeFields({ draft, errors, onChange }: PartProps) {
  const { freeze } = draft;
  const set = (values: Partial<typeof freeze>) => onChange({ ...draft, freeze: { ...freeze, ...values } });
  const here = () => Intl.DateTimeFormat().resolvedOptions().timeZone;
  return (
    <>
      <Checkbox
        label="Freeze windows: nobody approves then"
        checked={freeze.isOn}
        onCheckedChange={(isOn) =>
          set({ isOn, ...(isOn && freeze.weekly.length === 0 && { timeZone: here() }) })
        }
      />
      {freeze.isOn && (
        <>
          <Field
            label="Time zone"
            error={errors["freeze.timeZone"]}
            hint="an IANA name such as Europe/Berlin"
          >
            <Input value={freeze.timeZone} onValueChange={(timeZone) => set({ timeZone })} />
          </Field>
          <Weekly freeze={freeze} errors={errors} set={set} />
          <Dated freeze={freeze} errors={errors} set={set} />
        </>
      )}
    </>
  );
}

type Freeze = PartProps["draft"]["freeze"];
interface WindowsProps {
  freeze: Freeze;
  errors: PartProps["errors"];
  set: (values: Partial<Freeze>) => void;
}

function Weekly({ freeze: { weekly }, errors, set }: WindowsProps) {
  return (
    <Rows
      items={weekly}
      what="weekly window"
      error={errors["freeze.weekly"]}
      onAdd={() => set({ weekly: [...weekly, { days: ["fri"], from: "16:00", to: "24:00" }] })}
      onRemove={(index) => set({ weekly: weekly.filter((_, i) => i !== index) })}
    >
      {(window, index) => {
        const change = (values: Partial<typeof window>) =>
          set({ weekly: weekly.with(index, { ...window, ...values }) });
        const at = `freeze.weekly.${index}`;
        return (
          <>
            <fieldset className="policy-choices">
              <legend className="lab">Days</legend>
              {WEEKDAYS.map((day) => (
                <Checkbox
                  key={day}
                  label={day}
                  checked={window.days.includes(day)}
                  onCheckedChange={(isIn) =>
                    change({ days: WEEKDAYS.filter((d) => (d === day ? isIn : window.days.includes(d))) })
                  }
                />
              ))}
              {errors[`${at}.days`] && <p className="help err">{errors[`${at}.days`]}</p>}
            </fieldset>
            <Field label="From" error={errors[`${at}.from`]}>
              <Input value={window.from} onValueChange={(from) => change({ from })} />
            </Field>
            <Field label="To" error={errors[`${at}.to`]} hint="before its begin: the next day">
              <Input value={window.to} onValueChange={(to) => change({ to })} />
            </Field>
          </>
        );
      }}
    </Rows>
  );
}

function Dated({ freeze: { dated }, errors, set }: WindowsProps) {
  return (
    <Rows
      items={dated}
      what="dated window"
      error={errors["freeze.dated"]}
      onAdd={() => set({ dated: [...dated, { from: "", to: "", why: "" }] })}
      onRemove={(index) => set({ dated: dated.filter((_, i) => i !== index) })}
    >
      {(window, index) => {
        const change = (values: Partial<typeof window>) =>
          set({ dated: dated.with(index, { ...window, ...values }) });
        const at = `freeze.dated.${index}`;
        return (
          <>
            <Field label="From" error={errors[`${at}.from`]}>
              <Input type="datetime-local" value={window.from} onValueChange={(from) => change({ from })} />
            </Field>
            <Field label="To" error={errors[`${at}.to`]}>
              <Input type="datetime-local" value={window.to} onValueChange={(to) => change({ to })} />
            </Field>
            <Field label="Why" error={errors[`${at}.why`]}>
              <Input value={window.why} onValueChange={(why) => change({ why })} maxLength={120} />
            </Field>
          </>
        );
      }}
    </Rows>
  );
}
