"use client";

import { Checkbox as BaseCheckbox } from "@base-ui/react/checkbox";
import { Switch as BaseSwitch } from "@base-ui/react/switch";
import { type ReactNode, useId } from "react";

type ToggleProps = {
  /** The words beside it, or its name for screen readers with `hideLabel`. */
  label: ReactNode;
  hideLabel?: boolean | undefined;
  checked: boolean;
  onCheckedChange: (checked: boolean) => void;
  disabled?: boolean | undefined;
  name?: string | undefined;
};

/** Takes effect at once. For a choice that waits for a submit use `Checkbox`. */
export function Switch({ label, hideLabel, checked, onCheckedChange, disabled = false, name }: ToggleProps) {
  const id = useId();
  return (
    <span className="check">
      <BaseSwitch.Root
        className="switch"
        checked={checked}
        onCheckedChange={(next) => onCheckedChange(next)}
        disabled={disabled}
        name={name}
        aria-labelledby={id}
      >
        <BaseSwitch.Thumb />
      </BaseSwitch.Root>
      <Words id={id} isHidden={hideLabel} onPress={disabled ? undefined : () => onCheckedChange(!checked)}>
        {label}
      </Words>
    </span>
  );
}

/** A choice in a form or a list. */
export function Checkbox(props: ToggleProps & { indeterminate?: boolean | undefined }) {
  const { label, hideLabel, checked, onCheckedChange, disabled = false, name, indeterminate = false } = props;
  const id = useId();
  return (
    <span className="check">
      <BaseCheckbox.Root
        className="box"
        checked={checked}
        indeterminate={indeterminate}
        onCheckedChange={(next) => onCheckedChange(next)}
        disabled={disabled}
        name={name}
        aria-labelledby={id}
      >
        <BaseCheckbox.Indicator>
          <svg viewBox="0 0 10 10" aria-hidden="true">
            <path d={indeterminate ? "M2 5h6" : "m2 5 2.2 2.2L8 3"} />
          </svg>
        </BaseCheckbox.Indicator>
      </BaseCheckbox.Root>
      <Words id={id} isHidden={hideLabel} onPress={disabled ? undefined : () => onCheckedChange(!checked)}>
        {label}
      </Words>
    </span>
  );
}

type WordsProps = {
  id: string;
  isHidden: boolean | undefined;
  onPress: (() => void) | undefined;
  children: ReactNode;
};

/** They name the control, and a press on them is one on it. */
function Words({ id, isHidden, onPress, children }: WordsProps) {
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the control beside it is what keys and screen readers use
    // biome-ignore lint/a11y/useKeyWithClickEvents: as above
    <span id={id} className={isHidden ? "sr-only" : undefined} onClick={onPress}>
      {children}
    </span>
  );
}
