"use client";
import { Checkbox } from "@/components/ui/toggle";
import type { Rules } from "./rule-words";

interface HearsFieldProps {
  /** Those that hear of alarms. */
  hooks: Rules["webhooks"];
  /** Null: all of them. */
  value: readonly string[] | null;
  onChange: (value: string[] | null) => void;
  error?: string | undefined;
}

/** Who hears beside the console. */
export function HearsField({ hooks, value, onChange, error }: HearsFieldProps) {
  const toggle = (id: string, isIn: boolean) =>
    onChange(hooks.map((hook) => hook.id).filter((one) => (one === id ? isIn : value?.includes(one))));
  return (
    <fieldset className="policy-choices">
      <legend className="lab">Told to the console, and to</legend>
      <Checkbox
        label="every webhook of alarm.fired"
        checked={value === null}
        onCheckedChange={(isAll) => onChange(isAll ? null : [])}
      />
      {value !== null &&
        hooks.map(({ id, host }) => (
          <Checkbox
            key={id}
            label={host}
            checked={value.includes(id)}
            onCheckedChange={(isIn) => toggle(id, isIn)}
          />
        ))}
      {value !== null && hooks.length === 0 && <span className="t3">no webhook hears of alarms yet</span>}
      {error && <span className="help err">{error}</span>}
    </fieldset>
  );
}
