"use client";

import { Combobox } from "@base-ui/react/combobox";
import { useState } from "react";
import { Icon } from "./icons";
import { usePortalHost } from "./portal-host";
import type { Option } from "./select";

type SearchSelectProps = {
  /** What the search has found; the choice need not be among them. */
  options: readonly Option<string>[];
  value: Option<string> | null;
  onValueChange: (value: Option<string> | null) => void;
  onSearch: (words: string) => void;
  placeholder: string;
  /** What stands in the list when nothing was found. */
  empty: string;
};

/** One of more than a list holds, found by its name; empty chooses nothing. Stands inside a `Field`. */
export function SearchSelect(props: SearchSelectProps) {
  const { options, value, onValueChange, onSearch, placeholder, empty } = props;
  const [control, host] = usePortalHost();
  const [isOpen, setOpen] = useState(false);
  const items =
    value && !options.some((option) => option.value === value.value) ? [value, ...options] : options;
  return (
    <Combobox.Root<Option<string>>
      items={items}
      filter={null}
      value={value}
      isItemEqualToValue={(option, chosen) => option.value === chosen.value}
      onValueChange={(next) => {
        onValueChange(next);
        onSearch("");
      }}
      onOpenChange={setOpen}
      onInputValueChange={(words, { reason }) => reason === "input-change" && onSearch(words)}
      autoHighlight
    >
      <Combobox.InputGroup ref={control} className="input">
        <Combobox.Input
          placeholder={placeholder}
          onKeyDown={(event) => {
            // Esc closes the list; without one it is the dialog's, and takes no choice away.
            if (event.key === "Escape" && !isOpen) event.preventBaseUIHandler();
          }}
        />
        <Combobox.Trigger className="unit" aria-label="Show what there is">
          <Icon name="switcher" />
        </Combobox.Trigger>
      </Combobox.InputGroup>
      <Combobox.Portal container={host}>
        <Combobox.Positioner className="layer" align="start" sideOffset={4}>
          <Combobox.Popup className="pop menu">
            <Combobox.Empty>
              <div className="menu-label t3 s12">{empty}</div>
            </Combobox.Empty>
            <Combobox.List>
              {(option: Option<string>) => (
                <Combobox.Item key={option.value} value={option} className="item">
                  <span>{option.label}</span>
                  {option.hint && <span className="t3 s12">{option.hint}</span>}
                  <Combobox.ItemIndicator>
                    <Icon name="check" />
                  </Combobox.ItemIndicator>
                </Combobox.Item>
              )}
            </Combobox.List>
          </Combobox.Popup>
        </Combobox.Positioner>
      </Combobox.Portal>
    </Combobox.Root>
  );
}
