"use client";

import { Radio } from "@base-ui/react/radio";
import { RadioGroup } from "@base-ui/react/radio-group";
import { useId } from "react";
import { cx } from "./cx";
import type { Option } from "./select";

type SegmentedProps<Value extends string> = {
  options: readonly Option<Value>[];
  value: Value;
  onValueChange: (value: Value) => void;
  /** Needed outside a `Field`. */
  label?: string | undefined;
  wide?: boolean | undefined;
};

/** Two to five choices, all in sight; arrow keys move. An option with a `reason` cannot be chosen and says why. */
export function Segmented<Value extends string>({
  options,
  value,
  onValueChange,
  label,
  wide,
}: SegmentedProps<Value>) {
  const id = useId();
  return (
    <RadioGroup<Value>
      className={cx("seg", wide && "full")}
      value={value}
      onValueChange={(next) => onValueChange(next)}
      aria-label={label}
    >
      {options.map((option) => (
        <Radio.Root
          key={option.value}
          value={option.value}
          disabled={Boolean(option.reason)}
          className={option.reason ? "dis" : ""}
          title={option.reason ?? option.hint}
          // A field around the group would otherwise give its own name to every choice.
          aria-labelledby={`${id}-${option.value}`}
        >
          <span id={`${id}-${option.value}`}>
            {option.label}
            {option.reason && <span className="sr-only">, {option.reason}</span>}
          </span>
        </Radio.Root>
      ))}
    </RadioGroup>
  );
}
