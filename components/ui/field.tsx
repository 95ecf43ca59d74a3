"use client";

import { Field as BaseField } from "@base-ui/react/field";
import { Input as BaseInput } from "@base-ui/react/input";
import type { ComponentProps, ReactNode } from "react";
import { cx } from "./cx";

type FieldProps = {
  label: ReactNode;
  /** What a good value looks like, or what it will lead to. */
  hint?: ReactNode;
  /** What is wrong and how to mend it; takes the place of the hint. */
  error?: ReactNode;
  /** At the right end of the label's line: the state of the value. */
  aside?: ReactNode;
  className?: string | undefined;
  children: ReactNode;
};

/** Label, control, and hint or error, joined for screen readers. Holds one control of this folder. */
export function Field({ label, hint, error, aside, className, children }: FieldProps) {
  return (
    <BaseField.Root className={cx("field", className)} invalid={Boolean(error)}>
      <span className="field-head">
        <BaseField.Label className="lab">{label}</BaseField.Label>
        {aside && <span className="lab t3">{aside}</span>}
      </span>
      {children}
      {error ? (
        <BaseField.Error match className="help err">
          {error}
        </BaseField.Error>
      ) : (
        hint && <BaseField.Description className="help">{hint}</BaseField.Description>
      )}
    </BaseField.Root>
  );
}

export type InputProps = Omit<ComponentProps<"input">, "value" | "defaultValue" | "onChange" | "size"> & {
  value?: string | undefined;
  defaultValue?: string | undefined;
  onValueChange?: ((value: string) => void) | undefined;
  /** Unit or key at the right end, inside the frame. */
  unit?: ReactNode;
};

/** One line of text. `onValueChange` gives the text itself. */
export function Input({ unit, className, onValueChange, ...rest }: InputProps) {
  return (
    <span className={cx("input", rest.disabled && "is-disabled", className)}>
      <BaseInput {...rest} {...(onValueChange && { onValueChange: (value) => onValueChange(value) })} />
      {unit && <span className="unit">{unit}</span>}
    </span>
  );
}

export type TextareaProps = Omit<InputProps, "unit" | "type"> & { rows?: number | undefined };

/** Several lines of text. */
export function Textarea({ className, rows = 3, onValueChange, ...rest }: TextareaProps) {
  return (
    <span className={cx("input area", rest.disabled && "is-disabled", className)}>
      <BaseInput
        {...rest}
        render={<textarea rows={rows} />}
        {...(onValueChange && { onValueChange: (value) => onValueChange(value) })}
      />
    </span>
  );
}
