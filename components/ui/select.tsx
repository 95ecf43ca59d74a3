"use client";

import { Select as Base } from "@base-ui/react/select";
import { Icon } from "./icons";
import { usePortalHost } from "./portal-host";

export type Option<Value extends string> = {
  value: Value;
  label: string;
  /** At the right of the option. */
  hint?: string | undefined;
  /** Why it cannot be chosen now. */
  reason?: string | undefined;
};

type SelectProps<Value extends string> = {
  options: readonly Option<Value>[];
  value: Value | null;
  onValueChange: (value: Value) => void;
  placeholder?: string | undefined;
  disabled?: boolean | undefined;
  /** Needed outside a `Field`. */
  label?: string | undefined;
  name?: string | undefined;
};

/** One of many. For two to five short choices use `Segmented`. */
export function Select<Value extends string>(props: SelectProps<Value>) {
  const { options, value, onValueChange, placeholder = "Choose…", disabled = false, label, name } = props;
  const [control, host] = usePortalHost();
  const items = options.map((option) => ({ value: option.value, label: option.label }));
  return (
    <Base.Root<Value>
      items={items}
      value={value}
      onValueChange={(next) => next !== null && onValueChange(next)}
      disabled={disabled}
      name={name}
    >
      <Base.Trigger ref={control} className="input select" aria-label={label}>
        <Base.Value placeholder={placeholder} />
        <Base.Icon className="unit">
          <Icon name="switcher" />
        </Base.Icon>
      </Base.Trigger>
      <Base.Portal container={host}>
        <Base.Positioner className="layer" sideOffset={4} alignItemWithTrigger={false}>
          <Base.Popup className="pop menu">
            <Base.List>
              {options.map((option) => (
                <Base.Item
                  key={option.value}
                  value={option.value}
                  disabled={Boolean(option.reason)}
                  className="item"
                >
                  <Base.ItemText>{option.label}</Base.ItemText>
                  <span className="t3 s12">{option.reason ?? option.hint}</span>
                  <Base.ItemIndicator>
                    <Icon name="check" />
                  </Base.ItemIndicator>
                </Base.Item>
              ))}
            </Base.List>
          </Base.Popup>
        </Base.Positioner>
      </Base.Portal>
    </Base.Root>
  );
}
